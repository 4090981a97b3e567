-- Writes what all nodes must agree on, if nobody has before, and tells what stands. A fleet that has no secret yet gets one, unless the caller
-- will not join it.
-- KEYS 1 meta
-- ARGV 1 schema  2 partitions  3 replicationFactor  4 a secret to take if there is none
-- Returns {schema, partitions, replicationFactor, secret} as they stand. Sent again it finds them and changes nothing.
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('HSET', KEYS[1], 'schema', ARGV[1], 'partitions', ARGV[2], 'replicationFactor', ARGV[3])
end
local stands = redis.call('HMGET', KEYS[1], 'schema', 'partitions', 'replicationFactor', 'secret')
if not stands[4] and stands[1] == ARGV[1] and stands[2] == ARGV[2] then
  redis.call('HSET', KEYS[1], 'secret', ARGV[4])
  stands[4] = ARGV[4]
end
return {stands[1] or '', stands[2] or '', stands[3] or '', stands[4] or ''}
