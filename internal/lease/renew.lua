-- Renews leases of one partition for the holder that the home records name. The record is the truth and the lease shows it: a
-- lease that has run out, or holds anything else, is written anew.
-- KEYS 1 session record, 2 its lease, 3 the next record, 4 its lease ...
-- ARGV 1 node  2 incarnation  3 time to live, ms  4.. the epoch of each session in turn; 0: whichever the record has
-- Returns for each session '=epoch' if it was renewed; else "node/incarnation/epoch" as its record has it, '-' without an owner, or
-- '!' and why the record cannot be read.
-- Sent again it renews once more.
local node, incarnation, ttl = ARGV[1], ARGV[2], ARGV[3]
local out = {}
for i = 1, #KEYS / 2 do
  local lease, epoch = KEYS[2 * i], ARGV[i + 3]
  local has = redis.pcall('HMGET', KEYS[2 * i - 1], 'owner', 'incarnation', 'epoch')
  if has.err then
    out[i] = '!' .. has.err
  elseif has[1] == node and has[2] == incarnation and has[3] and (epoch == '0' or has[3] == epoch) then
    local value = node .. '/' .. incarnation .. '/' .. has[3]
    if redis.pcall('GET', lease) == value then
      redis.call('PEXPIRE', lease, ttl)
    else
      redis.call('DEL', lease) -- first, for it takes no memory: a renewal must pass on a full Redis
      redis.call('SET', lease, value, 'PX', ttl)
    end
    out[i] = '=' .. has[3]
  elseif has[1] and has[1] ~= '' then
    out[i] = has[1] .. '/' .. (has[2] or '') .. '/' .. (has[3] or '')
  else
    out[i] = '-'
  end
end
return out
