-- select: of records, those that hold certain values and labels. It changes nothing.
--
-- KEYS     the records, of one partition
-- ARGV[1]  how many fields must hold a value
-- then for each of them its name and the value; then labels, each as its line in the field "labels"
-- Returns an array with, for each record that holds all of it, its number among KEYS and its fields and values; for one that is no hash,
--   its number and the server's error as text.
local n = tonumber(ARGV[1])
local names, values = { 'labels' }, {}
for i = 1, n do names[i + 1], values[i + 1] = ARGV[2 * i], ARGV[2 * i + 1] end

local function holds(has)
  for i = 2, n + 1 do
    if has[i] ~= values[i] then return false end
  end
  local labels = '\n' .. (has[1] or '') .. '\n'
  for i = 2 * n + 2, #ARGV do
    if not string.find(labels, '\n' .. ARGV[i] .. '\n', 1, true) then return false end
  end
  return true
end

local out = {}
for i = 1, #KEYS do
  local has = redis.pcall('HMGET', KEYS[i], unpack(names))
  if has.err then
    out[#out + 1], out[#out + 2] = i, has.err
  elseif holds(has) then
    out[#out + 1], out[#out + 2] = i, redis.call('HGETALL', KEYS[i])
  end
end
return out
