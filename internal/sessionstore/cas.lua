-- cas: replaces records of one slot, each if its stamp is the expected one. For copies and idempotency records. A record with the
-- expected stamp is known to the letter: of a change to it only what differs need be sent.
--
-- Recognises its own earlier execution: a record that already has the new stamp answers 1 and is left alone, but for its place in
-- the index, which is mended.
--
-- KEYS[1]    the copy tag's index; untouched where a record names no member
-- KEYS[1+i]  the i-th record
-- ARGV[1]    "grow": refused when Redis is full; "must": goes through (repairs, takeovers, deletions)
-- then for each record: expected stamp, new stamp, time after which it must not be applied (ms; 0: none),
--   member of the index ("": none), time to live (ms; 0: none), number n of strings that make up fields and values, number of fields
--   that go (-1: all that are not named now), field, value, field, value, ..., field that goes, ...
-- Returns an array with a code for each record: 1 it holds the new stamp; 0 it has another stamp than the expected one;
--   -1 too late; -2 what lies beside it is not what was expected (attach.lua); -100-n KEYS[n] holds something of another type.
local codes, at, listed = {}, 2, {}
for i = 2, last do
  local expect, new, notAfter = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
  local member, ttl, n, gone = ARGV[at + 3], tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5]), tonumber(ARGV[at + 6])
  local cur = stamp(KEYS[i])
  if not cur then
    codes[i - 1] = -100 - i
  elseif member ~= '' and not is(KEYS[1], 'zset') then
    codes[i - 1] = -101
  elseif cur == new then
    if member ~= '' and not call('ZSCORE', KEYS[1], member) then pushScored(listed, 0, member) end
    codes[i - 1] = mayAttach()
    if codes[i - 1] == 1 then attach(KEYS[i]) end
  elseif cur ~= expect then
    codes[i - 1] = 0
  elseif notAfter > 0 and now > notAfter then
    codes[i - 1] = -1
  else
    codes[i - 1] = mayAttach()
    if codes[i - 1] == 1 then
      replace(KEYS[i], at + 7, at + 6 + n, gone)
      attach(KEYS[i])
      if ttl > 0 then call('PEXPIRE', KEYS[i], ttl) end
      if member ~= '' then pushScored(listed, 0, member) end
    end
  end
  at = at + 7 + n + math.max(gone, 0)
end
if #listed > 0 then
  if not opened then call('ZREM', KEYS[1], '') end -- no record was written: see open
  tell('ZADD', KEYS[1], listed)
end
return codes
