-- find: looks for the newest message that was published under an idempotency key: in the index, and where that is not the stream's, which
-- the next publish mends, through all messages. It only reads.
--
-- KEYS[1]  a session's messages at home
-- KEYS[2]  their index, as published.lua keeps it
-- ARGV[1]  the key's digest: what the field key of such a message begins with
-- Returns an array: the id of the last message ("": there is none), and where one was found, that message as XRANGE tells it; -100-n KEYS[n]
--   holds something of another type.
for n, kind in ipairs({ 'stream', 'hash' }) do
  local t = redis.call('TYPE', KEYS[n]).ok
  if t ~= 'none' and t ~= kind then return -100 - n end
end
local key, to = ARGV[1], '+'
local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
newest = newest and newest[1] or ''

local function isIt(message)
  local fields = message[2]
  for i = 1, #fields, 2 do
    if fields[i] == 'key' then return string.sub(fields[i + 1], 1, #key) == key end
  end
end

local known = redis.call('HMGET', KEYS[2], 'last', key)
if known[1] == newest then
  if not known[2] then return { newest } end
  local message = redis.pcall('XRANGE', KEYS[1], known[2], known[2])[1]
  if message and isIt(message) then return { newest, message } end
end
while true do
  local page = redis.call('XREVRANGE', KEYS[1], to, '-', 'COUNT', 100)
  for _, message in ipairs(page) do
    if isIt(message) then return { newest, message } end
  end
  local position = #page == 100 and tonumber(string.match(page[100][1], '^%d+')) or 1
  if position <= 1 then return { newest } end
  to = string.format('%.0f-%s', position - 1, '9223372036854775807')
end
