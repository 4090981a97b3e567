-- record: what cas and commit share; it stands before each of them.
--
-- ARGV[1] is the mode: "grow" is refused when Redis is full; "must" goes through (repairs, takeovers, deletions).
local KEYS, ARGV, call = KEYS, ARGV, redis.call
local t = call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local writtenAt = string.format('%.0f', now)

-- stamp returns a record's stamp, "-" where there is no record, nil where the key holds something else than a hash.
local function stamp(key)
  local s = redis.pcall('HMGET', key, 'epoch', 'version', 'op')
  if s.err then return nil end
  if not s[1] and not s[2] and not s[3] then return '-' end
  return (s[1] or '') .. '.' .. (s[2] or '') .. '.' .. (s[3] or '')
end

-- is reports whether a key holds nothing or something of the given type. What a script writes has the right one: each key is asked once.
local kinds = {}
local function is(key, kind)
  local known = kinds[key]
  if not known then
    known = call('TYPE', key).ok
    kinds[key] = known
  end
  return known == 'none' or known == kind
end

-- open has the script write before it grows anything: a full Redis refuses a script's first write if that could take memory, and no
-- later one.
local opened = ARGV[1] ~= 'must'
local function open(key)
  if not opened then call('HDEL', key, '') end
  opened = true
end

-- replace makes the record hold the fields ARGV[first..last] and writtenAt. What else it holds goes: of the whole record everything
-- (gone is -1), of a change of the record that is there the fields ARGV[last+1..last+gone].
local function replace(key, first, last, gone)
  open(key)
  call('HSET', key, 'writtenAt', writtenAt, unpack(ARGV, first, last))
  for i = last + 1, last + gone do call('HDEL', key, ARGV[i]) end
  if gone >= 0 or call('HLEN', key) == (last - first + 1) / 2 + 1 then return end
  local fresh = { writtenAt = true }
  for i = first, last, 2 do fresh[ARGV[i]] = true end
  for _, field in ipairs(call('HKEYS', key)) do
    if not fresh[field] then call('HDEL', key, field) end
  end
end

-- What goes into sorted sets and out of them is gathered over all records of a call; tell has one command take all that was gathered for
-- a key, in bites that fit on Lua's stack.
local bite = 1000
local function tell(command, key, words)
  for first = 1, #words, bite do
    call(command, key, unpack(words, first, math.min(first + bite - 1, #words)))
  end
end

local function push(words, word) words[#words + 1] = word end

local function pushScored(words, score, member)
  local n = #words
  words[n + 1], words[n + 2] = score, member
end

-- What lies beside a record changes with it, in the same call: attach.lua puts its own in the place of these.
local last, mayAttach, attach = #KEYS, function() return 1 end, function() end

-- At home the index of the messages' idempotency keys changes with the messages: published.lua puts its own in the place of these. follow is
-- told what the messages end with, and where in ARGV those begin that are about to be added, how they end and how many are kept.
local mayIndex, follow, unindex = function() return 1 end, function() end, function() end

