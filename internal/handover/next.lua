-- Removes the requests that were dealt with and lists the next ones.
-- KEYS 1 handover:<node>
-- ARGV 1 how long requests are looked at, ms  2 how many to list at most  3.. requests that were dealt with
-- Returns requests, the oldest first. Those past their time are removed unlisted. Sent again it removes nothing more and lists the same.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 3, #ARGV do
  redis.call('ZREM', KEYS[1], ARGV[i])
end
for _, late in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[1], 'LIMIT', 0, 100)) do
  redis.call('ZREM', KEYS[1], late)
end
return redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. string.format('%.0f', now - ARGV[1]), '+inf', 'LIMIT', 0, ARGV[2])
