-- Has a registered node hand its sessions over, and notes since when, by when, and how many there were.
-- KEYS 1 nodes  2 node:<id>  3 load  4 events
-- ARGV 1 id  2 now, as text  3 the deadline, as text  4 who asks for it
-- Returns 1; 0: no such node is registered. Of a node that is draining already only the deadline changes, and so it is when this is
-- sent again. A drain of which nothing is noted (its hash was lost and restored) begins now.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or 0) <= now or redis.call('EXISTS', KEYS[2]) == 0 then
  return 0
end
local is = redis.call('HMGET', KEYS[2], 'state', 'drainStartedAt', 'drainFrom', 'incarnation')
local since, from = ARGV[2], string.format('%.0f', tonumber(redis.call('ZSCORE', KEYS[3], ARGV[1]) or 0))
if is[1] == 'draining' and is[2] and is[3] then
  since, from = is[2], is[3]
end
redis.call('HDEL', KEYS[2], 'state') -- first, for it takes no memory
redis.call('HSET', KEYS[2], 'state', 'draining', 'drainStartedAt', since, 'drainDeadline', ARGV[3], 'drainFrom', from)
if is[1] ~= 'draining' then
  tell(KEYS[4], 'draining', ARGV[1], is[4] or '-', ARGV[4], 'until ' .. ARGV[3])
end
return 1
