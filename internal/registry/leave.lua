-- Ends an incarnation's registration by its own wish.
-- KEYS 1 nodes  2 node:<id>  3 incarnations  4 dead  5 load  6 moves  7 reserved:<id>  8 recovery:<id>/<incarnation>
--      9 handover:<id>  10 events
-- ARGV 1 id  2 incarnation  3 how many sessions it owns, as far as it knows  4 how long its certificate is kept, ms
-- Returns 'left': no trace remains but a certificate, which keeps out a beat of its own that is still under way; 'dead': sessions
-- remain or are under way, by its word, by the live count or by its attempts, and may be taken over at once, or it was declared dead before
-- and is not recovered yet; 'gone': this incarnation is not the registered one, nothing was done.
-- Sent again, one that left finds itself gone, and one that is dead is told so again.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local id, holder = ARGV[1], ARGV[1] .. '/' .. ARGV[2]
if redis.call('HGET', KEYS[3], id) ~= ARGV[2] then
  return 'gone'
end
redis.call('ZREM', KEYS[1], id)
redis.call('DEL', KEYS[2], KEYS[9])
if tonumber(ARGV[3]) > 0 or tonumber(redis.call('ZSCORE', KEYS[5], id) or 0) > 0 or redis.call('EXISTS', KEYS[7]) == 1
  or redis.call('ZSCORE', KEYS[4], holder) then
  if redis.call('ZADD', KEYS[4], 'NX', now, holder) == 1 then
    tell(KEYS[10], 'dead', id, ARGV[2], id, 'left with sessions in hand')
  end
  return 'dead'
end
redis.call('HSET', KEYS[8], 'finished', 'left')
redis.call('PEXPIRE', KEYS[8], ARGV[4])
redis.call('HDEL', KEYS[3], id)
redis.call('ZREM', KEYS[5], id)
redis.call('HDEL', KEYS[6], id)
tell(KEYS[10], 'left', id, ARGV[2], id, '')
return 'left'
