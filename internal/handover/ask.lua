-- Leaves requests for a node, to be looked at in the order in which they were left.
-- KEYS 1 handover:<node>  2 node:<id>
-- ARGV 1 incarnation of the node  2 how long requests are looked at, ms  3.. the requests
-- Returns 1; 0: no such incarnation is registered, so nobody would look, and nothing was left. Sent again it finds the same members,
-- and makes them younger.
if redis.call('HGET', KEYS[2], 'incarnation') ~= ARGV[1] then
  return 0
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 3, #ARGV do
  redis.call('ZADD', KEYS[1], now, ARGV[i])
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
