-- Lists the registered nodes and the live counts as of one moment of the clock that the registrations end by. Changes nothing; sent
-- again it looks again.
-- KEYS 1 nodes  2 load
-- Returns {now ms, {id, end of its registration ms, next id ...}, {id, count, next id ...}}.
local time = redis.call('TIME')
return {time[1] * 1000 + math.floor(time[2] / 1000), redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES'),
  redis.call('ZRANGE', KEYS[2], 0, -1, 'WITHSCORES')}
