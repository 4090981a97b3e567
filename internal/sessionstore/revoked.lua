-- revoked: notes that the owner of sessions of one partition is about to give them away: events that follow from no record.
--
-- Sent again it notes them once more: who reads events may be told of one twice.
--
-- KEYS[1]  the partition's events
-- ARGV[1]  how many events are kept, or a few more
-- ARGV[2..]  what each event says
-- Returns 1; -101 KEYS[1] holds something of another type, nothing was noted.
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'none' and kind ~= 'stream' then return -101 end
for i = 2, #ARGV do redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'revoked', ARGV[i]) end
return 1
