-- commit: cas for home records of one partition. What else home keeps of a session (its place in the index, the expiry, its
-- owner's set, the tombstones, the lease) follows from the difference between the old record and the new one, not from what the
-- caller meant to do: a repair may commit somebody else's unfinished change, or jump over several.
--
-- Recognises its own earlier execution: a record that already has the new stamp answers 1; the rest is derived again, which
-- changes nothing but to mend it. The lease is written with a new epoch only: whoever is alive renews it.
--
-- KEYS[1..4]        the partition's index, expiry, tombstones, owners
-- KEYS[4i+1..4i+4]  of the i-th session: record, lease, the old owner's set, the new owner's set
-- ARGV[1]           "grow" or "must", as in cas
-- ARGV[2]           time to live of a lease (ms)
-- then for each session: expected stamp, new stamp, time after which it must not be applied (ms; 0: none), id, old owner ("":
--   none), new owner ("": deleted), epoch, lease value, end of life (ms; 0: never), number of strings that follow, field, value, ...
-- Returns an array with a code for each session, as cas does.
local function disown(set, owner, id)
  redis.call('ZREM', set, id)
  if redis.call('EXISTS', set) == 0 then redis.call('SREM', KEYS[4], owner) end
end

local function derive(k, s, changed)
  if s.oldOwner ~= '' and s.oldOwner ~= s.owner then disown(KEYS[k + 2], s.oldOwner, s.id) end
  if s.owner == '' then
    redis.call('DEL', KEYS[k + 1])
    redis.call('ZREM', KEYS[1], s.id)
    redis.call('ZREM', KEYS[2], s.id)
    redis.call('ZADD', KEYS[3], 'NX', now, s.id)
    return
  end
  redis.call('ZREM', KEYS[3], s.id)
  redis.call('ZADD', KEYS[1], 0, s.id)
  redis.call('ZADD', KEYS[k + 3], 0, s.id)
  redis.call('SADD', KEYS[4], s.owner)
  if s.expires == '0' then redis.call('ZREM', KEYS[2], s.id) else redis.call('ZADD', KEYS[2], s.expires, s.id) end
  if changed then redis.call('SET', KEYS[k + 1], s.lease, 'PX', ARGV[2]) end
end

-- strange returns the number of the first key beside the record at k that holds something of another type; nil: none does.
local function strange(k)
  for n = 1, 3 do
    if not is(KEYS[n], 'zset') then return n end
  end
  if not is(KEYS[4], 'set') then return 4 end
  for n = k + 2, k + 3 do
    if not is(KEYS[n], 'zset') then return n end
  end
end

local codes, at = {}, 3
for i = 1, (#KEYS - 4) / 4 do
  local k = 4 * i + 1
  local s = {
    expect = ARGV[at], new = ARGV[at + 1], notAfter = tonumber(ARGV[at + 2]), id = ARGV[at + 3], oldOwner = ARGV[at + 4],
    owner = ARGV[at + 5], epoch = ARGV[at + 6], lease = ARGV[at + 7], expires = ARGV[at + 8], n = tonumber(ARGV[at + 9]),
  }
  local cur, other = stamp(KEYS[k]), strange(k)
  if not cur then
    codes[i] = -100 - k
  elseif other then
    codes[i] = -100 - other
  elseif cur == s.new then
    derive(k, s, false)
    codes[i] = 1
  elseif cur ~= s.expect then
    codes[i] = 0
  elseif s.notAfter > 0 and now > s.notAfter then
    codes[i] = -1
  else
    local epoch = redis.call('HGET', KEYS[k], 'epoch')
    replace(KEYS[k], at + 10, at + 9 + s.n)
    derive(k, s, epoch ~= s.epoch)
    codes[i] = 1
  end
  at = at + 10 + s.n
end
return codes
