-- record: what cas and commit share; it stands before each of them.
--
-- ARGV[1] is the mode: "grow" is refused when Redis is full; "must" goes through (repairs, takeovers, deletions).
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)

-- stamp returns a record's stamp, "-" where there is no record, nil where the key holds something else than a hash.
local function stamp(key)
  local s = redis.pcall('HMGET', key, 'epoch', 'version', 'op')
  if s.err then return nil end
  if not s[1] and not s[2] and not s[3] then return '-' end
  return (s[1] or '') .. '.' .. (s[2] or '') .. '.' .. (s[3] or '')
end

-- is reports whether a key holds nothing or something of the given type.
local function is(key, kind)
  local t = redis.call('TYPE', key).ok
  return t == 'none' or t == kind
end

-- replace makes the record hold the fields ARGV[first..last] and writtenAt, and nothing else. A full Redis refuses a script's
-- first write if it could grow; DEL may always come first and opens the way for the rest.
local function replace(key, first, last)
  local fresh = { writtenAt = true }
  for i = first, last, 2 do fresh[ARGV[i]] = true end
  if ARGV[1] == 'must' then redis.call('DEL', key) end
  redis.call('HSET', key, 'writtenAt', string.format('%.0f', now), unpack(ARGV, first, last))
  for _, field in ipairs(redis.call('HKEYS', key)) do
    if not fresh[field] then redis.call('HDEL', key, field) end
  end
end

