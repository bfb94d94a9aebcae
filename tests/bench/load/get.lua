-- Sends GET requests that were made beforehand. Arguments: a file of lines with organization, API key and path,
-- and the think time in milliseconds (0: none).
local requests, sent = {}, 0
local threads = 0

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

function init(args)
  package.path = args[3] .. "/?.lua;" .. package.path
  local common = require("common")
  for _, line in ipairs(common.lines(args[1])) do
    requests[#requests + 1] = wrk.format("GET", line[3], common.headers(line))
  end
  math.randomseed(7 + number)
  local think = tonumber(args[2])
  if think > 0 then
    delay = function() return math.random(0, 2 * think) end
  end
end

function request()
  return requests[math.random(#requests)]
end

function done(summary)
  local errors = summary.errors
  io.write(string.format("errors %d %d\n", errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
