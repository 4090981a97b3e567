-- Writes what all nodes must agree on, if nobody has before, and tells what stands.
-- KEYS 1 meta
-- ARGV 1 schema  2 partitions  3 replicationFactor
-- Returns {schema, partitions, replicationFactor} as they stand. Sent again it finds them and changes nothing.
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('HSET', KEYS[1], 'schema', ARGV[1], 'partitions', ARGV[2], 'replicationFactor', ARGV[3])
end
local stands = redis.call('HMGET', KEYS[1], 'schema', 'partitions', 'replicationFactor')
return {stands[1] or '', stands[2] or '', stands[3] or ''}
