-- Sets the state of a registered node.
-- KEYS 1 nodes  2 node:<id>  3 events
-- ARGV 1 id  2 state  3 who sets it
-- Returns 1; 0: no such node is registered. Sent again it sets the same state. Any state but draining ends a drain.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or 0) <= now or redis.call('EXISTS', KEYS[2]) == 0 then
  return 0
end
local was = redis.call('HMGET', KEYS[2], 'state', 'incarnation')
redis.call('HDEL', KEYS[2], 'state') -- first, for it takes no memory
if ARGV[2] ~= 'draining' then
  redis.call('HDEL', KEYS[2], 'drainStartedAt', 'drainDeadline', 'drainFrom')
end
redis.call('HSET', KEYS[2], 'state', ARGV[2])
if was[1] ~= ARGV[2] then
  tell(KEYS[3], ARGV[2], ARGV[1], was[2] or '-', ARGV[3], '')
end
return 1
