-- count: how many sessions a node owns in one partition, some left out, all at one moment.
--
-- Only reads.
--
-- KEYS[1]  the owner's set
-- ARGV     ids to leave out
-- Returns the number; -101 KEYS[1] holds something of another type.
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'none' and kind ~= 'zset' then return -101 end
local n = redis.call('ZCARD', KEYS[1])
for _, id in ipairs(ARGV) do
  if redis.call('ZSCORE', KEYS[1], id) then n = n - 1 end
end
return n
