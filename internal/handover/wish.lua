-- Leaves the wish that the load be evened out.
-- KEYS 1 rebalance
-- ARGV 1 who wishes it  2 how long the wish stands, ms
-- Returns 1. Sent again it writes the same.
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
