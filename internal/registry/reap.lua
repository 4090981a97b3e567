-- Declares every holder dead whose registration has ended, and lists all holders that are dead and not recovered yet.
-- KEYS 1 nodes  2 incarnations  3 dead
-- ARGV 1 how many registrations to look at, at most  2 when it is too late to declare anybody, ms
-- Returns the dead holders as "node/incarnation", those found first first. The node's hash needs no care: it has its own end.
-- Sent again it finds nothing more that has ended and lists the same.
-- A Redis that stood still serves in any order what has queued up: this call would find those ended whose beats come after it.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ended = {}
if now < tonumber(ARGV[2]) then
  ended = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])
end
for _, id in ipairs(ended) do
  local incarnation = redis.call('HGET', KEYS[2], id)
  redis.call('ZREM', KEYS[1], id)
  if incarnation then
    redis.call('ZADD', KEYS[3], 'NX', now, id .. '/' .. incarnation)
  end
end
return redis.call('ZRANGE', KEYS[3], 0, -1)
