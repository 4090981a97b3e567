-- Leaves requests for a node, to be looked at in the order in which they were left.
-- KEYS 1 handover:<node>
-- ARGV 1 how long requests are looked at, ms  2.. the requests
-- Returns 1. Sent again it finds the same members, and makes them younger.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 2, #ARGV do
  redis.call('ZADD', KEYS[1], now, ARGV[i])
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
