-- prune: removes entries that name a session which home does not hold: what a stranger's DEL, or a lost key, left behind.
--
-- Sent again it finds nothing to remove.
--
-- KEYS[1..4]        the partition's index, expiry, tombstones, owners
-- KEYS[5]           the session's record
-- KEYS[6]           the owner's set that names it
-- ARGV[1]           the session's id
-- ARGV[2]           the owner whose set KEYS[6] is
-- Returns 1 pruned; 0 the session exists and belongs to that owner, nothing was removed; -100-n KEYS[n] holds something of
--   another type, nothing was removed.
for n, kind in ipairs({ 'zset', 'zset', 'zset', 'set', 'hash', 'zset' }) do
  local t = redis.call('TYPE', KEYS[n]).ok
  if t ~= 'none' and t ~= kind then return -100 - n end
end
local owner = redis.call('HGET', KEYS[5], 'owner')
local exists = redis.call('EXISTS', KEYS[5]) == 1
if not exists then
  redis.call('ZREM', KEYS[1], ARGV[1])
  redis.call('ZREM', KEYS[2], ARGV[1])
  redis.call('ZREM', KEYS[3], ARGV[1])
end
if exists and owner == ARGV[2] then return 0 end
redis.call('ZREM', KEYS[6], ARGV[1])
if redis.call('EXISTS', KEYS[6]) == 0 then redis.call('SREM', KEYS[4], ARGV[2]) end
return 1
