-- Creates credentials, round robin over the callers. Every one has a secret and a label of its own that belong
-- together; the ids that were answered go to a file. Arguments: callers, prefix of labels, answers, think time in
-- milliseconds (0: none).
local common
local callers, prefix, think, answers, sent = {}, "", 0, nil, 0
local threads = 0
-- Requests made before the clock runs, so that little of the machine's time goes into making them; when there are no
-- more, each is made when it is sent.
local made, ahead = {}, 100000

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

local function make(n)
  local label = prefix .. n
  local body = '{"extcred_provider":"generic","extcred_type":"api_key","extcred_label":"' .. label
    .. '","json_blob":{"api_key":"sk_live_0123456789abcdefghijkl_' .. label .. '"}}'
  return wrk.format("POST", "/organizations/config/external-credentials", callers[n % #callers + 1], body)
end

function init(args)
  package.path = args[5] .. "/?.lua;" .. package.path
  common = require("common")
  for _, caller in ipairs(common.lines(args[1])) do
    local headers = common.headers(caller)
    headers["Content-Type"] = "application/json"
    callers[#callers + 1] = headers
  end
  prefix = args[2] .. "-" .. number .. "-"
  answers = io.open(args[3] .. "." .. number, "a")
  think = tonumber(args[4])
  if think > 0 then
    math.randomseed(os.time() + number)
    delay = function() return math.random(0, 2 * think) end
    ahead = 0
  end
  for n = 1, ahead do made[n] = make(n) end
end

function request()
  sent = sent + 1
  return made[sent] or make(sent)
end

function response(status, headers, body)
  if status == 201 then
    answers:write(body:sub(-39, -4), "\n")
  end
end

function done(summary)
  local errors = summary.errors
  io.write(string.format("errors %d %d\n", errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
