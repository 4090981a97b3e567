-- Extends the leases of one partition that name a holder, whatever their epoch, in few words: a node has tens of thousands.
-- KEYS the leases
-- ARGV 1 "<node>/<incarnation>/", with which their values begin  2 time to live, ms
-- Returns the numbers, from 1, of those that do not name the holder or are not there: they were left alone.
-- Sent again it extends them once more.
local holder, ttl, others = ARGV[1], ARGV[2], {}
local values = redis.call('MGET', unpack(KEYS)) -- nothing for what is no string
for i, key in ipairs(KEYS) do
  local value = values[i]
  if value and string.sub(value, 1, #holder) == holder then
    redis.call('PEXPIRE', key, ttl)
  else
    others[#others + 1] = i
  end
end
return others
