-- Shared by the load scripts. The arguments of each script, after `--`, begin with the folder of
-- the scripts, the number of threads and the gate (see `start`); its own arguments follow.
local M = {}

local ffi = require("ffi")
ffi.cdef("int usleep(unsigned int microseconds);")

-- The lines of a file, each split at spaces. The first two fields are an organization and its API
-- key; for pages, the fourth is a cookie instead.
function M.lines(path)
  local lines = {}
  for line in io.lines(path) do
    local fields = {}
    for field in line:gmatch("%S+") do fields[#fields + 1] = field end
    lines[#lines + 1] = fields
  end
  return lines
end

function M.headers(caller)
  if caller[4] then return { ["Cookie"] = caller[4] } end
  return { ["SlashID-OrgID"] = caller[1], ["SlashID-API-Key"] = caller[2] }
end

local function exists(path)
  local file = io.open(path)
  if file then file:close() end
  return file ~= nil
end

-- Makes `send` the function that returns each request. wrk runs `init` for one thread after the
-- other and starts each thread as soon as its `init` returns, but its clock starts with the last
-- thread. A thread that is ready earlier would send requests that count outside the measured time.
-- Therefore, every thread waits before its first request until the file `gate` exists, which is
-- created by the last `init`. `example` is the request that wrk parses, and does not send, before
-- it starts the first thread.
function M.start(number, threads, gate, example, send)
  local function first()
    while not exists(gate) do ffi.C.usleep(500) end
    request = send
    return send()
  end
  request = first
  if number == 0 then
    request = function()
      request = first
      return example
    end
  end
  if number == threads - 1 then io.open(gate, "w"):close() end
end

return M
