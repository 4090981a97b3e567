-- published: the index that find looks for idempotency keys in. It stands between record and attach where the record is home's: who
-- publishes asks home alone, so copies have none.
--
-- The index is a hash: by the digest of each key under which messages that are kept were published, the id of the newest of them; and field
-- "last", the id of the last message that it knows of. It is that of the stream beside it if that ends so: equal ids mean the same messages
-- before them. Where it is not, as where it is gone or a former version wrote the stream, it is made anew before messages are added.
--
-- KEYS[last+3]  the index
-- mayIndex returns 1; -100-n KEYS[n] holds something of another type.
local index = KEYS[last]
last = last - 1

local function digestOf(key) return string.sub(key, 1, 22) end

local function keyOf(message)
  local fields = message[2]
  for i = 1, #fields, 2 do
    if fields[i] == 'key' then return fields[i + 1] end
  end
  return ''
end

local function enter(words, id, key)
  if key ~= '' then pushScored(words, digestOf(key), id) end
end

local function anew(messages)
  local words, from = {}, '-'
  repeat
    local page = call('XRANGE', messages, from, '+', 'COUNT', 100)
    for _, message in ipairs(page) do enter(words, message[1], keyOf(message)) end
    local newest = page[#page]
    if newest then from = string.format('%.0f-0', tonumber(string.match(newest[1], '^%d+')) + 1) end
  until #page < 100
  call('DEL', index)
  tell('HSET', index, words)
end

mayIndex = function() return is(index, 'hash') and 1 or -100 - #KEYS end

follow = function(messages, newest, first, ends, kept)
  if call('HGET', index, 'last') ~= newest then anew(messages) end
  local tooMany = call('XLEN', messages) + (#ARGV - first) / 6 - kept
  if tooMany > 0 then
    for _, message in ipairs(call('XRANGE', messages, '-', '+', 'COUNT', tooMany)) do
      local digest = digestOf(keyOf(message))
      if call('HGET', index, digest) == message[1] then call('HDEL', index, digest) end
    end
  end
  local words = { 'last', ends }
  for i = first, #ARGV - 1, 6 do enter(words, ARGV[i], ARGV[i + 5]) end
  tell('HSET', index, words)
end

unindex = function() call('DEL', index) end

