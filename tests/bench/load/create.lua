-- Creates credentials, in turn for each caller. Each has a label of its own and a secret derived
-- from it, so that the rows can be compared with the requests afterwards. There is no `response`
-- function: wrk would call it for every answer. Arguments: file of callers, prefix of the labels,
-- think time in milliseconds (0: none).
local callers, prefix, made, threads = {}, "", {}, {}

-- Requests sent by this thread; read by `done`.
sent = 0

function setup(thread)
  thread:set("number", #threads)
  threads[#threads + 1] = thread
end

local function make(n)
  local label = prefix .. n
  local body = '{"extcred_provider":"generic","extcred_type":"api_key","extcred_label":"' .. label
    .. '","json_blob":{"api_key":"sk_live_0123456789abcdefghijkl_' .. label .. '"}}'
  local caller = callers[n % #callers + 1]
  return wrk.format("POST", "/organizations/config/external-credentials", caller, body)
end

local function send()
  sent = sent + 1
  return made[sent] or make(sent)
end

function init(args)
  package.path = args[1] .. "/?.lua;" .. package.path
  local common = require("common")
  for _, caller in ipairs(common.lines(args[4])) do
    local headers = common.headers(caller)
    headers["Content-Type"] = "application/json"
    callers[#callers + 1] = headers
  end
  prefix = args[5] .. "-" .. number .. "-"
  -- Requests made before the clock starts take no processor time from the measurement. Further
  -- requests are made when they are sent.
  local ahead = 100000 / args[2]
  local think = tonumber(args[6])
  if think > 0 then
    math.randomseed(os.time() + number)
    delay = function() return math.random(0, 2 * think) end
    ahead = 0
  end
  for n = 1, ahead do made[n] = make(n) end
  common.start(number, tonumber(args[2]), args[3], make(1), send)
end

function done(summary)
  local errors, total = summary.errors, 0
  for _, thread in ipairs(threads) do total = total + thread:get("sent") end
  local broken = errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format("errors %d %d\n", errors.status, broken))
  io.write(string.format("answered %d\nsent %d\n", summary.requests - errors.status, total))
end
