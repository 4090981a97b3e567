-- glance: tells of many records of one place what an audit compares. It only reads.
--
-- KEYS[1..n]      records, of no more than some 2,000 sessions
-- KEYS[n+1..n+3]  at home: the partition's expiry, tombstones, owners
-- KEYS[n+4..]     at home: sets of owners
-- ARGV[1]         n
-- ARGV[2]         where in the records' keys, all of one length, the session's id begins
-- ARGV[3..]       at home: whose sets KEYS[n+4..] are
-- Returns a text for each record: "stamp|chain|from", in a copy followed by "|written at", at home, but of a tombstone, by
--   "|owner|incarnation|end of life|messages|context|what the expiry says". "": there is none, it cannot be read, or home lists it otherwise than
--   it should, but for the index.
local n, begin, call, out = tonumber(ARGV[1]), tonumber(ARGV[2]), redis.pcall, {}
local atHome, expiry, tombstones, owners = #KEYS > n, KEYS[n + 1], KEYS[n + 2], KEYS[n + 3]
local fields = { 'epoch', 'version', 'op', 'chain', 'from', 'deleted', 'writtenAt' }
if atHome then fields = { 'epoch', 'version', 'op', 'chain', 'from', 'deleted', 'writtenAt', 'owner', 'incarnation', 'expiresAt', 'messages', 'context' } end

local of, graves = {}, {} -- which records are an owner's, by owner, and which are tombstones
for i = 1, n do
  local f = call('HMGET', KEYS[i], unpack(fields))
  out[i] = ''
  if not f.err and f[1] and f[2] and f[3] and f[7] and #f[7] < 19 and string.find(f[7], '^%d+$') then
    local line = f[1] .. '.' .. f[2] .. '.' .. f[3] .. '|' .. (f[4] or '') .. '|' .. (f[5] or '')
    if not atHome then
      out[i] = line .. '|' .. f[7]
    elseif f[6] == '1' then
      out[i] = line
      table.insert(graves, i)
    elseif f[8] and not f[6] then
      out[i] = line .. '|' .. f[8] .. '|' .. (f[9] or '') .. '|' .. (f[10] or '') .. '|' .. (f[11] or '') .. '|' .. (f[12] or '') .. '|'
      of[f[8]] = of[f[8]] or {}
      table.insert(of[f[8]], i)
    end
  end
end
if not atHome then return out end

-- scores are what a sorted set says of records; of each nothing where the key holds something else.
local function scores(key, records)
  local ids = {}
  for j, i in ipairs(records) do ids[j] = string.sub(KEYS[i], begin) end
  return call('ZMSCORE', key, unpack(ids))
end

local sets, all = {}, {}
for i = 3, #ARGV do sets[ARGV[i]] = KEYS[n + 1 + i] end
for owner, records in pairs(of) do
  local owned = sets[owner] and call('SISMEMBER', owners, owner) == 1 and scores(sets[owner], records) or {}
  for j, i in ipairs(records) do
    if owned[j] then table.insert(all, i) else out[i] = '' end
  end
end
local function some(key, records) return #records > 0 and call('ZCARD', key) ~= 0 and scores(key, records) or {} end
local ends, buried = some(expiry, all), some(tombstones, all)
for j, i in ipairs(all) do
  if ends.err or buried.err or buried[j] then out[i] = '' else out[i] = out[i] .. (ends[j] or '') end
end
ends, buried = some(expiry, graves), some(tombstones, graves)
for j, i in ipairs(graves) do
  if ends.err or ends[j] or not buried[j] then out[i] = '' end
end
return out
