-- prune: removes entries that name a session which home does not hold: what a stranger's DEL, or a lost key, left behind.
--
-- Sent again it finds nothing to remove and says so: what a lost reply has told is not counted.
--
-- KEYS[1..4]        the partition's index, expiry, tombstones, owners
-- KEYS[5]           the session's record
-- KEYS[6]           the owner's set that names it
-- KEYS[7..9]        what lies beside the record, of whatever type: it goes where the record is gone; it is no entry and is not counted
-- ARGV[1]           the session's id
-- ARGV[2]           the owner whose set KEYS[6] is
-- Returns how many entries it removed: 0 where there was none, or where the session exists and belongs to that owner; -100-n KEYS[n]
--   holds something of another type, nothing was removed.
for n, kind in ipairs({ 'zset', 'zset', 'zset', 'set', 'hash', 'zset' }) do
  local t = redis.call('TYPE', KEYS[n]).ok
  if t ~= 'none' and t ~= kind then return -100 - n end
end
local owner = redis.call('HGET', KEYS[5], 'owner')
local exists, removed = redis.call('EXISTS', KEYS[5]) == 1, 0
if exists and owner == ARGV[2] then return 0 end
if not exists then
  redis.call('DEL', unpack(KEYS, 7))
  for n = 1, 3 do removed = removed + redis.call('ZREM', KEYS[n], ARGV[1]) end
end
removed = removed + redis.call('ZREM', KEYS[6], ARGV[1])
if redis.call('EXISTS', KEYS[6]) == 0 then redis.call('SREM', KEYS[4], ARGV[2]) end
return removed
