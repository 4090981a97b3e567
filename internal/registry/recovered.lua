-- Records what became of a dead holder's sessions in one partition, and ends the holder once every partition has reported.
-- KEYS 1 dead  2 recovery:<id>/<incarnation>  3 incarnations  4 load  5 moves  6 reserved:<id>  7 events
-- ARGV 1 id  2 incarnation  3 partition  4 partitions  5 expected  6 recovered  7 lost  8 a word of this report's own
--      9 how long the certificate is kept, ms  10 who reports
-- Returns {finished, expected, recovered, lost}: the sums so far; finished is 1 for the one call that completed them.
-- Sent again it knows its word: among a partition's words it adds nothing, in `finished` it is told again that it was the one.
-- A partition that two nodes worked on is summed: each reports only what it did itself.
-- A count whose attempts are not all settled stays, for settling them lowers it: the balancer forgets it together with them. If
-- the name is registered again by then it goes on with that count.
local function sums(finished)
  local s = redis.call('HMGET', KEYS[2], 'expected', 'recovered', 'lost')
  return {finished, tonumber(s[1] or 0), tonumber(s[2] or 0), tonumber(s[3] or 0)}
end
local holder, field, word = ARGV[1] .. '/' .. ARGV[2], 'p' .. ARGV[3], ARGV[8]
local finished = redis.call('HGET', KEYS[2], 'finished')
if finished then
  return sums(finished == word and 1 or 0)
end
if not redis.call('ZSCORE', KEYS[1], holder) then
  return sums(0)
end
local words = redis.call('HGET', KEYS[2], field) or ''
if not string.find(words, word, 1, true) then
  redis.call('PERSIST', KEYS[2]) -- first, for it takes no memory
  redis.call('HSET', KEYS[2], field, words .. ' ' .. word)
  redis.call('HINCRBY', KEYS[2], 'expected', ARGV[5])
  redis.call('HINCRBY', KEYS[2], 'recovered', ARGV[6])
  redis.call('HINCRBY', KEYS[2], 'lost', ARGV[7])
end
local total = sums(0)
if redis.call('HLEN', KEYS[2]) - 3 < tonumber(ARGV[4]) then
  return total
end
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[2], 'finished', word, 'expected', total[2], 'recovered', total[3], 'lost', total[4])
redis.call('PEXPIRE', KEYS[2], ARGV[9])
redis.call('ZREM', KEYS[1], holder)
if redis.call('HGET', KEYS[3], ARGV[1]) == ARGV[2] then
  redis.call('HDEL', KEYS[3], ARGV[1])
  if redis.call('EXISTS', KEYS[6]) == 0 then
    redis.call('ZREM', KEYS[4], ARGV[1])
    redis.call('HDEL', KEYS[5], ARGV[1])
  end
end
tell(KEYS[7], 'recovered', ARGV[1], ARGV[2], ARGV[10], string.format('%.0f %.0f %.0f', total[2], total[3], total[4]))
total[1] = 1
return total
