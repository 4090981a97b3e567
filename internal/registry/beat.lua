-- Renews the registration of an incarnation, and restores it where it has run out or got lost but nobody has declared it dead.
-- KEYS 1 nodes  2 node:<id>  3 incarnations  4 dead  5 load  6 recovery:<id>/<incarnation>
-- ARGV 1 id  2 incarnation  3 time to live, ms  4 state as last known  5.. the other fields of the hash, name and value in turn
-- Returns {'ok', state, end ms, former end ms or ''} with the state that stands; {'lost'}: this incarnation is dead or has left, or another one has
-- taken the name.
-- Sent again it renews once more: a beat that arrives twice is as good as one.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local id, incarnation, ttl = ARGV[1], ARGV[2], tonumber(ARGV[3])
local current = redis.call('HGET', KEYS[3], id)
if current and current ~= incarnation
  or redis.call('ZSCORE', KEYS[4], id .. '/' .. incarnation)
  or redis.call('EXISTS', KEYS[6]) == 1 then
  return {'lost'}
end
local former = redis.call('ZSCORE', KEYS[1], id) or ''
local state = redis.call('HGET', KEYS[2], 'state') or ARGV[4]
redis.call('PEXPIRE', KEYS[2], ttl) -- first, for it takes no memory
redis.call('HSET', KEYS[2], 'incarnation', incarnation, 'state', state, unpack(ARGV, 5))
redis.call('PEXPIRE', KEYS[2], ttl)
redis.call('ZADD', KEYS[1], now + ttl, id)
redis.call('HSET', KEYS[3], id, incarnation)
redis.call('ZADD', KEYS[5], 'NX', 0, id)
return {'ok', state, now + ttl, former}
