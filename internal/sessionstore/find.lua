-- find: looks for the newest message that was published under an idempotency key. It only reads.
--
-- KEYS[1]  a session's messages
-- ARGV[1]  what the field key of such a message begins with
-- Returns an array: the id of the last message ("": there is none), and where one was found, that message as XRANGE tells it; -101 KEYS[1]
--   holds something of another type.
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'none' and kind ~= 'stream' then return -101 end
local key, newest, to = ARGV[1], '', '+'
while true do
  local page = redis.call('XREVRANGE', KEYS[1], to, '-', 'COUNT', 100)
  if newest == '' and page[1] then newest = page[1][1] end
  for _, message in ipairs(page) do
    local fields = message[2]
    for i = 1, #fields, 2 do
      if fields[i] == 'key' and string.sub(fields[i + 1], 1, #key) == key then return { newest, message } end
    end
  end
  local position = #page == 100 and tonumber(string.match(page[100][1], '^%d+')) or 1
  if position <= 1 then return { newest } end
  to = string.format('%.0f-%s', position - 1, '9223372036854775807')
end
