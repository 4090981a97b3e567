-- Takes a lease that is free, and renews one that is the taker's own already: redsync's SET NX PX, made repeatable.
-- KEYS 1 lease
-- ARGV 1 value: node/incarnation/epoch  2 time to live, ms
-- Returns 1: the lease is the taker's; 0: somebody else's. Sent again it finds its own value.
local value = redis.pcall('GET', KEYS[1])
if value and value ~= ARGV[1] then
  return 0
end
redis.call('DEL', KEYS[1]) -- first, for it takes no memory: a takeover must pass on a full Redis
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
