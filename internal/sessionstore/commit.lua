-- commit: cas for home records of one partition. What else home keeps of a session (its place in the index, the expiry, its
-- owner's set, the tombstones, the lease, the event) follows from the difference between the old record and the new one, not from what
-- the caller meant to do: a repair may commit somebody else's unfinished change, or jump over several.
--
-- Recognises its own earlier execution: a record that already has the new stamp answers 1; the rest is derived again, which
-- changes nothing but to mend it, and nothing is told of it. The lease is written with a new epoch only: whoever is alive renews it.
--
-- KEYS[1..4]        the partition's index, expiry, tombstones, owners
-- KEYS[5]           the partition's events
-- KEYS[4i+2..4i+5]  of the i-th session: record, lease, the old owner's set, the new owner's set
-- ARGV[1]           "grow" or "must", as in cas
-- ARGV[2]           time to live of a lease (ms)
-- ARGV[3]           the node that carries the changes out ("-": not known), as events name it
-- ARGV[4]           how many events are kept, or a few more
-- then for each session: expected stamp, new stamp, time after which it must not be applied (ms; 0: none), id, old owner ("":
--   none), new owner ("": deleted), epoch, lease value, end of life (ms; 0: never), reason ("": it is no event), then its fields as in cas, from their
--   number on
-- Returns an array with a code for each session, as cas does.

-- What is to be told of the partition's sorted sets, and of sets of owners by their key.
local listed, unlisted, due, notDue, buried, unburied = {}, {}, {}, {}, {}, {}
local gained, lost = {}, {} -- by key: {owner = name, words for ZADD or ZREM}
local events = {} -- kind, text, kind, text, ...

-- Reasons of changes that a live owner makes to what it owns: the session moved. For any other it was assigned.
local byOwner = { drain = true, rebalance = true, migrate = true }

-- happened notes the event of a change from a record with the stamp cur and the end of life ends, each as text, to the one at k.
local function happened(k, s, cur, ends)
  if s.why == '' then return end
  local kind, owner, former = 'updated', s.owner, '-'
  if owner == '' then
    local ended = ends and ends <= (call('HGET', KEYS[k], 'updatedAt') or '')
    kind, owner = ended and 'expired' or 'deleted', s.oldOwner ~= '' and s.oldOwner or '-'
  elseif cur == '-' then
    if string.sub(s.new, 1, 4) == '1.0.' then kind = 'created' end
  elseif string.match(cur, '^[^.]*') ~= s.epoch then
    kind = byOwner[s.why] and 'moved' or 'assigned'
    if s.oldOwner ~= '' and s.oldOwner ~= owner then former = s.oldOwner end
  end
  push(events, kind)
  push(events,
    s.id .. ' ' .. string.match(s.new, '^%d+%.%d+') .. ' ' .. owner .. ' ' .. former .. ' ' .. ARGV[3] .. ' ' .. s.why)
end

local function of(sets, key, owner)
  if not sets[key] then sets[key] = { owner = owner } end
  return sets[key]
end

local function derive(k, s, changed)
  if s.oldOwner ~= '' and s.oldOwner ~= s.owner then push(of(lost, KEYS[k + 2], s.oldOwner), s.id) end
  if s.owner == '' then
    call('DEL', KEYS[k + 1])
    push(unlisted, s.id)
    push(notDue, s.id)
    pushScored(buried, now, s.id)
    return
  end
  push(unburied, s.id)
  pushScored(listed, 0, s.id)
  pushScored(of(gained, KEYS[k + 3], s.owner), 0, s.id)
  if s.expires == '0' then push(notDue, s.id) else pushScored(due, s.expires, s.id) end
  if changed then call('SET', KEYS[k + 1], s.lease, 'PX', ARGV[2]) end
end

local function tellAll()
  tell('ZREM', KEYS[1], unlisted)
  tell('ZREM', KEYS[2], notDue)
  tell('ZREM', KEYS[3], unburied)
  tell('ZADD', KEYS[1], listed)
  tell('ZADD', KEYS[2], due)
  for first = 1, #buried, 2 do call('ZADD', KEYS[3], 'NX', buried[first], buried[first + 1]) end
  for key, set in pairs(lost) do tell('ZREM', key, set) end
  for key, set in pairs(gained) do
    tell('ZADD', key, set)
    call('SADD', KEYS[4], set.owner)
  end
  for key, set in pairs(lost) do
    if call('EXISTS', key) == 0 then call('SREM', KEYS[4], set.owner) end
  end
  for i = 1, #events - 2, 2 do call('XADD', KEYS[5], '*', events[i], events[i + 1]) end
  if #events > 0 then call('XADD', KEYS[5], 'MAXLEN', '~', ARGV[4], '*', events[#events - 1], events[#events]) end
end

-- strange returns the number of the first key beside the record at k that holds something of another type; nil: none does.
local function strange(k)
  for n = 1, 3 do
    if not is(KEYS[n], 'zset') then return n end
  end
  if not is(KEYS[4], 'set') then return 4 end
  if not is(KEYS[5], 'stream') then return 5 end
  for n = k + 2, k + 3 do
    if not is(KEYS[n], 'zset') then return n end
  end
end

local codes, at = {}, 5
for i = 1, (last - 5) / 4 do
  local k = 4 * i + 2
  local s = {
    expect = ARGV[at], new = ARGV[at + 1], notAfter = tonumber(ARGV[at + 2]), id = ARGV[at + 3], oldOwner = ARGV[at + 4],
    owner = ARGV[at + 5], epoch = ARGV[at + 6], lease = ARGV[at + 7], expires = ARGV[at + 8], why = ARGV[at + 9],
    n = tonumber(ARGV[at + 10]), gone = tonumber(ARGV[at + 11]),
  }
  local cur, other = stamp(KEYS[k]), strange(k)
  if not cur then
    codes[i] = -100 - k
  elseif other then
    codes[i] = -100 - other
  elseif cur == s.new then
    codes[i] = mayAttach()
    if codes[i] == 1 then attach(KEYS[k]) end
    derive(k, s, false)
  elseif cur ~= s.expect then
    codes[i] = 0
  elseif s.notAfter > 0 and now > s.notAfter then
    codes[i] = -1
  else
    codes[i] = mayAttach()
    if codes[i] == 1 then
      local ends = s.owner == '' and call('HGET', KEYS[k], 'expiresAt')
      replace(KEYS[k], at + 12, at + 11 + s.n, s.gone)
      attach(KEYS[k])
      derive(k, s, string.match(cur, '^[^.]*') ~= s.epoch)
      happened(k, s, cur, ends)
    end
  end
  at = at + 12 + s.n + math.max(s.gone, 0)
end
tellAll()
return codes
