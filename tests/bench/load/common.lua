-- What all load scripts share. Arguments after `--`: a file with one caller per line (organization and API key),
-- and whatever the script itself takes.
local M = {}

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
  return { ["SlashID-OrgID"] = caller[1], ["SlashID-API-Key"] = caller[2] }
end

return M
