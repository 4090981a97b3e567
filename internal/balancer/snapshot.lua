-- Tells a node's live count, its moves and its attempts under way, all of one moment. Changes nothing; sent again it looks again.
-- KEYS 1 load  2 reservations  3 moves  4 reserved:<id>
-- ARGV 1 id  2 how many attempts at most
-- Returns {count, moves, number of attempts, now ms, {key, deadline ms, what is recorded under the key or '', next key ...}}:
-- the attempts with the earliest deadlines.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local soonest = redis.call('ZRANGE', KEYS[4], 0, ARGV[2] - 1, 'WITHSCORES')
local attempts = {}
for i = 1, #soonest, 2 do
  attempts[#attempts + 1] = soonest[i]
  attempts[#attempts + 1] = string.format('%.0f', tonumber(soonest[i + 1]))
  attempts[#attempts + 1] = redis.call('HGET', KEYS[2], soonest[i]) or ''
end
return {tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or 0), tonumber(redis.call('HGET', KEYS[3], ARGV[1]) or 0),
  redis.call('ZCARD', KEYS[4]), now, attempts}
