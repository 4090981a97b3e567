-- Notes what one peer holds of a node, and quarantines the node if more than half of those that watch it hold that it cannot serve.
-- KEYS 1 node:<id>  2 verdicts:<id>
-- ARGV 1 incarnation that is judged  2 id of the watcher  3 why the node cannot serve; empty: it serves
--      4 how many watch the node  5 how long the verdict stands, ms
-- Returns 1: the node is quarantined, until the last of the verdicts ends if nobody repeats one; 0: it is not; -1: this incarnation is not
-- registered, nothing was done.
-- Sent again it notes the same once more; that takes the place of the first.
-- Verdicts that are over, or concern another incarnation, are dropped on the way.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local incarnation, watcher, why, watchers = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
if redis.call('HGET', KEYS[1], 'incarnation') ~= incarnation then
  return -1
end
local failures, last, stale = 0, 0, {watcher}
if why ~= '' then
  failures, last = 1, now + ARGV[5]
end
local noted = redis.call('HGETALL', KEYS[2])
for i = 1, #noted, 2 do
  local ends, about, text = string.match(noted[i + 1], '^(%d+)|([^|]*)|(.*)$')
  if noted[i] ~= watcher then
    ends = tonumber(ends)
    if not ends or ends <= now or about ~= incarnation then
      stale[#stale + 1] = noted[i]
    else
      failures = failures + 1
      if ends > last then
        last, why = ends, text
      end
    end
  end
end
redis.call('HDEL', KEYS[2], unpack(stale)) -- first, for it takes no memory
if ARGV[3] ~= '' then
  redis.call('HSET', KEYS[2], watcher, string.format('%.0f|%s|%s', now + ARGV[5], incarnation, ARGV[3]))
  redis.call('PEXPIRE', KEYS[2], last - now)
end
if failures * 2 <= watchers then
  redis.call('HDEL', KEYS[1], 'quarantine', 'quarantineEnds')
  return 0
end
local text = string.format('%d of %d peers: %s', failures, math.max(failures, watchers), why)
redis.call('HSET', KEYS[1], 'quarantine', text, 'quarantineEnds', string.format('%.0f', last))
return 1
