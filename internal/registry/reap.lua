-- Declares every holder dead whose registration has ended, and lists all holders that are dead and not recovered yet.
-- KEYS 1 nodes  2 incarnations  3 dead  4 deaths  5 brake  6 events
-- ARGV 1 how many registrations to look at, at most  2 when it is too late to declare anybody, ms
--      3 the brake's window, ms; 0: there is no brake  4 the caller's id  5 when its registration ends by its last good beat, ms
-- Returns {how many have ended and are spared by the brake, -1 where nobody was looked at; the dead holders as "node/incarnation", those found
-- first first}. The node's hash needs no care: it has its own end.
-- Sent again it finds nothing more that has ended and lists the same.
-- A Redis that stood still serves in any order what has queued up: this call would find those ended whose beats come after it.
-- A Redis that was rolled back has forgotten beats, of the caller as of others: this call would find those ended whose beats it lost. So the
-- caller's own registration must end when the caller believes it does; if it ends later, a beat has come in whose answer, which may tell of a
-- rollback, the caller had not seen yet.
-- The brake: if more than half of the nodes are gone within one window, and for one window after that, only those are declared that
-- have been over for one window. Else the first of them to come back would be the death of the others.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local window = tonumber(ARGV[3])
local over, spared, ended = false, -1, {}
local own = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[4]) or 0)
if now < tonumber(ARGV[2]) and own == tonumber(ARGV[5]) then
  local before = now
  local deaths = redis.call('ZCOUNT', KEYS[4], '(' .. now - window, now)
  local gone = deaths + redis.call('ZCOUNT', KEYS[1], '-inf', now)
  local all = deaths + redis.call('ZCARD', KEYS[1])
  local late = redis.call('ZCOUNT', KEYS[1], '(' .. now, now + window / 2)
  over, spared = gone * 2 > all, 0
  if over or (gone + late) * 2 > all or redis.call('EXISTS', KEYS[5]) == 1 then
    before = now - window
    spared = redis.call('ZCOUNT', KEYS[1], '(' .. before, now)
  end
  ended = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', before, 'LIMIT', 0, ARGV[1])
end
if over and spared > 0 then
  redis.call('DEL', KEYS[5]) -- first, for it takes no memory
  redis.call('SET', KEYS[5], string.format('%.0f', now), 'PX', window)
end
local declared = false
for _, id in ipairs(ended) do
  local incarnation = redis.call('HGET', KEYS[2], id)
  redis.call('ZREM', KEYS[1], id)
  if incarnation and redis.call('ZADD', KEYS[3], 'NX', now, id .. '/' .. incarnation) == 1 then
    redis.call('ZADD', KEYS[4], now, id .. '/' .. incarnation)
    tell(KEYS[6], 'dead', id, incarnation, ARGV[4], 'its registration has ended')
    declared = true
  end
end
if declared then
  redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', now - window)
  redis.call('PEXPIRE', KEYS[4], window)
end
return {spared, redis.call('ZRANGE', KEYS[3], 0, -1)}
