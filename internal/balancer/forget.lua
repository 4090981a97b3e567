-- Removes what is kept of a node that is no longer registered, page by page.
-- KEYS 1 load  2 reservations  3 moves  4 reserved:<id>  5 node:<id>
-- ARGV 1 id  2 how many attempts at most
-- Returns how many attempts remain; -1: the node is registered, nothing was done. Sent again it removes the next page.
if redis.call('EXISTS', KEYS[5]) == 1 then
  return -1
end
for _, key in ipairs(redis.call('ZRANGE', KEYS[4], 0, ARGV[2] - 1)) do
  redis.call('HDEL', KEYS[2], key)
  redis.call('ZREM', KEYS[4], key)
end
local remain = redis.call('ZCARD', KEYS[4])
if remain == 0 then
  redis.call('ZREM', KEYS[1], ARGV[1])
  redis.call('HDEL', KEYS[3], ARGV[1])
end
return remain
