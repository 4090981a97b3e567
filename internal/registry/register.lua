-- Registers an incarnation of a node, unless another one holds the name.
-- KEYS 1 nodes  2 node:<id>  3 incarnations  4 dead  5 load  6 recovery:<id>/<incarnation>  7 deaths  8 events
-- ARGV 1 id  2 incarnation  3 time to live, ms  4 state  5.. the other fields of the hash, name and value in turn
-- Returns {'ok', state, end ms}; {'taken', ms left, host, port}: another incarnation is registered; {'dead'}: this one has died
-- or left before.
-- Sent again it finds itself current and writes the same fields; what others have set in between (state, drain, quarantine) stays.
-- An incarnation that it takes the name from is dead. That one counts for the brake, but the brake does not hold it up.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local id, incarnation, ttl = ARGV[1], ARGV[2], tonumber(ARGV[3])
if redis.call('ZSCORE', KEYS[4], id .. '/' .. incarnation) or redis.call('EXISTS', KEYS[6]) == 1 then
  return {'dead'}
end
local current = redis.call('HGET', KEYS[3], id)
local ends = tonumber(redis.call('ZSCORE', KEYS[1], id) or 0)
local other = current and current ~= incarnation
if other and ends > now then
  local at = redis.call('HMGET', KEYS[2], 'host', 'port')
  return {'taken', ends - now, at[1] or '?', at[2] or '?'}
end
local again = redis.call('HGET', KEYS[2], 'incarnation') == incarnation
local state = again and redis.call('HGET', KEYS[2], 'state') or ARGV[4]
if again then -- first one of these, for they take no memory
  redis.call('PEXPIRE', KEYS[2], ttl)
else
  redis.call('DEL', KEYS[2])
end
if other and redis.call('ZADD', KEYS[4], 'NX', now, id .. '/' .. current) == 1 then
  redis.call('ZADD', KEYS[7], now, id .. '/' .. current)
  redis.call('ZREMRANGEBYSCORE', KEYS[7], '-inf', now - ttl)
  redis.call('PEXPIRE', KEYS[7], ttl)
  tell(KEYS[8], 'dead', id, current, id, 'started again')
end
redis.call('ZADD', KEYS[1], now + ttl, id)
redis.call('HSET', KEYS[3], id, incarnation)
redis.call('HSET', KEYS[2], 'incarnation', incarnation, 'state', state, unpack(ARGV, 5))
redis.call('PEXPIRE', KEYS[2], ttl)
redis.call('ZADD', KEYS[5], 'NX', 0, id)
if not again then
  tell(KEYS[8], 'joined', id, incarnation, id, '')
end
return {'ok', state, now + ttl}
