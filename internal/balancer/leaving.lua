-- Records that sessions are about to leave their nodes; the live counts stay.
-- KEYS 1 load  2 reservations  3 moves  4.. reserved:<id> of each node concerned
-- ARGV 1 how long an attempt stands, ms
--      then for each attempt: its key, its session, its node, which of KEYS is that node's reserved:<id>
-- Returns how many it recorded. Sent again it finds them recorded and changes nothing.
-- A node without a count, as one that was forgotten, counts no session that could leave it. Nothing is recorded there, so that
-- settling does not lower the count of one that has registered meanwhile.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local first = string.format('%.0f', time[1] * 1000000 + time[2]) -- of a node's moves, see reserve
local deadline = string.format('%.0f', now + ARGV[1])
local recorded = 0
for at = 2, #ARGV, 4 do
  local key, session, node, reserved = ARGV[at], ARGV[at + 1], ARGV[at + 2], KEYS[tonumber(ARGV[at + 3])]
  if redis.call('HEXISTS', KEYS[2], key) == 0 and redis.call('ZSCORE', KEYS[1], node) then
    redis.call('ZREM', reserved, key) -- first, for it takes no memory: a delete must pass on a full Redis
    redis.call('HSET', KEYS[2], key, node .. '|' .. session .. '|l||' .. deadline)
    redis.call('ZADD', reserved, deadline, key)
    redis.call('HSETNX', KEYS[3], node, first)
    redis.call('HINCRBY', KEYS[3], node, 1)
    recorded = recorded + 1
  end
end
return recorded
