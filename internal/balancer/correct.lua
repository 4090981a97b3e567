-- Sets a node's live count to what was counted from the records, if nothing has changed it since the snapshot.
-- KEYS 1 load  2 moves
-- ARGV 1 id  2 moves at the snapshot  3 count
-- Returns 1 if the count stands now; 0 if it changed meanwhile, or the node has no count.
-- Sent again it sets the same count, or finds it changed since, and then leaves it.
if tonumber(redis.call('HGET', KEYS[2], ARGV[1]) or 0) ~= tonumber(ARGV[2]) or not redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  return 0
end
redis.call('ZREM', KEYS[1], ARGV[1]) -- first, for it takes no memory
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
return 1
