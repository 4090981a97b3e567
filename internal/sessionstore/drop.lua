-- drop: removes one record that nobody needs any more: a tombstone past its retention, or a record at a place that the
-- session's chain no longer names. Where there is no record (expected stamp "-") its entry is removed alone.
--
-- Sent again after it was executed it finds no record and answers 1.
--
-- KEYS[1]  the record
-- KEYS[2]  the sorted set that lists it: the tombstones of home, or the copy tag's index
-- KEYS[3..]  what lies beside the record: messages, context and home's index of the messages, which go with it
-- ARGV[1]  the expected stamp
-- ARGV[2]  the least age (ms) by this server's clock, counted from when it was written here
-- ARGV[3]  the session's id
-- Returns 1 removed, or there was none; 0 it has another stamp; -1 it is too young; -100-n KEYS[n] holds something of another type.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local r = redis.pcall('HMGET', KEYS[1], 'epoch', 'version', 'op', 'writtenAt')
if r.err then return -101 end
local kind = redis.call('TYPE', KEYS[2]).ok
if kind ~= 'none' and kind ~= 'zset' then return -102 end
if r[1] then
  if r[1] .. '.' .. (r[2] or '') .. '.' .. (r[3] or '') ~= ARGV[1] then return 0 end
  if now - (tonumber(r[4]) or now) < tonumber(ARGV[2]) then return -1 end
  redis.call('DEL', KEYS[1])
end
redis.call('DEL', unpack(KEYS, 3))
redis.call('ZREM', KEYS[2], ARGV[3])
return 1
