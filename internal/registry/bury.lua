-- Declares one holder dead by name, whatever its registration says: a peer saw that its process has ended.
-- KEYS 1 nodes  2 node:<id>  3 incarnations  4 dead  5 deaths  6 brake  7 events
-- ARGV 1 id  2 incarnation  3 when it is too late to declare anybody, ms  4 the brake's window, ms; 0: there is no brake
--      5 who says so
-- Returns 'buried': it is dead, since now or before; 'gone': it is not the registered incarnation of its name, and not dead either:
-- it has left, or it has been recovered; 'braked': with it more than half of the nodes would be gone within one window, or they were and
-- the brake holds still; 'late': the caller's word on others has ended. Only the first may have changed anything.
-- Sent again it finds the holder dead and says so; once that has been recovered, that it is gone.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local id, holder, window = ARGV[1], ARGV[1] .. '/' .. ARGV[2], tonumber(ARGV[4])
if redis.call('ZSCORE', KEYS[4], holder) then
  return 'buried'
end
if redis.call('HGET', KEYS[3], id) ~= ARGV[2] then
  return 'gone'
end
if now >= tonumber(ARGV[3]) then
  return 'late'
end
if window > 0 then
  local deaths = redis.call('ZCOUNT', KEYS[5], '(' .. now - window, now)
  local gone = deaths + redis.call('ZCOUNT', KEYS[1], '-inf', now)
  local all = deaths + redis.call('ZCARD', KEYS[1])
  local ends = tonumber(redis.call('ZSCORE', KEYS[1], id) or '')
  if not ends then
    gone, all = gone + 1, all + 1
  elseif ends > now then
    gone = gone + 1
  end
  if gone * 2 > all or redis.call('EXISTS', KEYS[6]) == 1 then
    return 'braked'
  end
end
redis.call('ZREM', KEYS[1], id) -- first, for it takes no memory
redis.call('DEL', KEYS[2])
redis.call('ZADD', KEYS[4], now, holder)
redis.call('ZADD', KEYS[5], now, holder)
redis.call('ZREMRANGEBYSCORE', KEYS[5], '-inf', now - window)
redis.call('PEXPIRE', KEYS[5], window)
tell(KEYS[7], 'dead', id, ARGV[2], ARGV[5], 'its process has ended')
return 'buried'
