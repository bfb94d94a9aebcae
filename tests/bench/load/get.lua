-- Sends GET requests made before the clock starts, in random order. Arguments: file of requests
-- (organization, API key, path, and perhaps a cookie), think time in milliseconds (0: none).
local requests = {}
local threads = 0

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

local function send()
  return requests[math.random(#requests)]
end

function init(args)
  package.path = args[1] .. "/?.lua;" .. package.path
  local common = require("common")
  for _, line in ipairs(common.lines(args[4])) do
    requests[#requests + 1] = wrk.format("GET", line[3], common.headers(line))
  end
  math.randomseed(7 + number)
  local think = tonumber(args[5])
  if think > 0 then
    delay = function() return math.random(0, 2 * think) end
  end
  common.start(number, tonumber(args[2]), args[3], requests[1], send)
end

function done(summary)
  local errors = summary.errors
  local broken = errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format("errors %d %d\n", errors.status, broken))
  io.write(string.format("answered %d\n", summary.requests - errors.status))
end
