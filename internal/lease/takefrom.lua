-- Replaces one holder's lease by another's: compare and set. A lease that has run out meanwhile counts as the former holder's.
-- KEYS 1 lease
-- ARGV 1 value expected  2 value to set  3 time to live, ms
-- Returns {1}; {0, value, ms left}: somebody else holds it, or the value says why it cannot be read. Sent again it finds the value it has set.
local value = redis.pcall('GET', KEYS[1])
if type(value) == 'table' then
  return {0, value.err, 0}
end
if value and value ~= ARGV[1] and value ~= ARGV[2] then
  return {0, value, redis.call('PTTL', KEYS[1])}
end
redis.call('DEL', KEYS[1]) -- first, for it takes no memory: a takeover must pass on a full Redis
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return {1}
