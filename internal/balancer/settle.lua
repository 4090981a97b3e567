-- Settles attempts: forgets them and sets the live counts right.
-- KEYS 1 load  2 reservations  3 moves  4.. reserved:<id> of each node concerned
-- ARGV for each attempt: its key, its session, its node, which of KEYS is that node's reserved:<id>, 1 if kept else 0
-- Returns how many it found recorded. An attempt that is not recorded (any more), or is another session's, changes nothing.
-- Sent again it finds nothing recorded.
local time = redis.call('TIME')
local first = string.format('%.0f', time[1] * 1000000 + time[2]) -- of a node's moves, see reserve
local settled = 0
for at = 1, #ARGV, 5 do
  local key, node = ARGV[at], ARGV[at + 2]
  local known = redis.call('HGET', KEYS[2], key)
  local prefix = node .. '|' .. ARGV[at + 1] .. '|'
  if known and string.sub(known, 1, #prefix) == prefix then
    redis.call('HDEL', KEYS[2], key)
    redis.call('ZREM', KEYS[tonumber(ARGV[at + 3])], key)
    if ARGV[at + 4] == '0' and tonumber(redis.call('ZSCORE', KEYS[1], node) or 0) > 0 then
      redis.call('ZINCRBY', KEYS[1], -1, node)
    end
    redis.call('HSETNX', KEYS[3], node, first)
    redis.call('HINCRBY', KEYS[3], node, 1)
    settled = settled + 1
  elseif not known then
    redis.call('ZREM', KEYS[tonumber(ARGV[at + 3])], key) -- a deadline without an attempt
  end
end
return settled
