-- Chooses a node for each of several attempts and raises its live count, in one step.
-- KEYS 1 load  2 reservations  3 moves  4 turn  5.. for each candidate: node:<id>, reserved:<id>
-- ARGV 1 strategy  2 how long an attempt stands, ms; 0: only tell what would be chosen for the first, and change nothing
--      3 number of candidates n
--      then for each candidate: id, incarnation as the caller knows it, tier (0 is tried first)
--      then for each attempt: its key, its session, which candidate it is counted on now (0: none of them), the candidates in
--      rendezvous order (one character each, '0' is the first)
-- Returns {placed, candidates}: for each attempt "id|incarnation|deadline ms", or '' where no candidate has room; and for each
-- candidate "count|limit|state", state being ready, cordoned, draining, quarantined, gone, replaced or unreadable.
-- Where it only tells, {placed, candidates, crowds}: the counts are those before, and for each candidate that is ready it says what is compared,
-- the sessions beside this one for its weight; '' for another.
-- Sent again it finds its attempts recorded and answers the same nodes, raising nothing.
-- It costs candidates times attempts, which the caller bounds (8,000 take a few milliseconds), and for each candidate that an
-- attempt is counted on already, one look at what is under way there.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local strategy, n = ARGV[1], tonumber(ARGV[3])
local tell = tonumber(ARGV[2]) == 0
local deadline = string.format('%.0f', now + ARGV[2])

local nodes = {}
for i = 1, n do
  local at = 3 * i + 1
  local node = {id = ARGV[at], incarnation = ARGV[at + 1], tier = tonumber(ARGV[at + 2]), reserved = KEYS[2 * i + 4]}
  node.new, node.spare = {}, 0
  local is = redis.call('HMGET', KEYS[2 * i + 3], 'incarnation', 'state', 'maxSessions', 'weight', 'quarantine', 'quarantineEnds')
  node.count = tonumber(redis.call('ZSCORE', KEYS[1], node.id) or 0)
  node.limit, node.weight = tonumber(is[3] or ''), tonumber(is[4] or '')
  if not is[1] then
    node.state = 'gone'
  elseif is[1] ~= node.incarnation then
    node.state = 'replaced'
  elseif not node.limit or not node.weight or not (node.weight > 0) then
    node.state = 'unreadable'
  else
    node.state = is[2] or 'unreadable'
    if node.state == 'ready' and is[5] and is[5] ~= '' and (tonumber(is[6] or '') or math.huge) > now then
      node.state = 'quarantined'
    end
  end
  nodes[i] = node
end

-- A session that returns to the node it is counted on is counted there once more for each attempt; one that is announced to
-- leave is counted though it frees its place; one that does both needs one place. node.spare is what the count says too much.
local function note(node, record)
  local id, kind = string.match(record or '', '^[^|]*|([^|]*)|(%l)|')
  if not id then return end
  local left = node.leaves[id] and not node.returns[id]
  if kind == 'r' then
    node.returns[id] = true
    if not left then node.spare = node.spare + 1 end
  elseif kind == 'l' then
    node.leaves[id] = true
    if not left and not node.returns[id] then node.spare = node.spare + 1 end
  end
end

local page = 1000
local function survey(node)
  node.returns, node.leaves = {}, {}
  for first = 0, redis.call('ZCARD', node.reserved) - 1, page do
    local keys = redis.call('ZRANGE', node.reserved, first, first + page - 1)
    for _, record in ipairs(redis.call('HMGET', KEYS[2], unpack(keys))) do note(node, record) end
  end
end

-- The sessions that stand in the way of this one: to the node it is counted on already, it is no further one.
local function others(node, session, from)
  if node ~= from then return node.count end
  local mine = node.leaves[session] and not node.returns[session] and 0 or 1
  return node.count - node.spare - mine
end

local byte = string.byte
local function at(order, i) return nodes[byte(order, i) - 47] end

local function room(node, session, from) return node.state == 'ready' and others(node, session, from) < node.limit end

local function least(order, session, from)
  local best, crowd
  for i = 1, n do
    local node = at(order, i)
    if room(node, session, from) then
      local its = others(node, session, from) / node.weight
      if not best or node.tier < best.tier or node.tier == best.tier and its < crowd then
        best, crowd = node, its
      end
    end
  end
  return best
end

-- Within the best tier that has room; the bound counts the session that is being placed, once.
local function hashed(order, session, from)
  local lowest = least(order, session, from)
  if not lowest then return nil end
  local total, weights = 1, 0
  for _, node in ipairs(nodes) do
    if node.tier == lowest.tier and node.state == 'ready' then
      total, weights = total + others(node, session, from), weights + node.weight
    end
  end
  for i = 1, n do
    local node = at(order, i)
    if node.tier == lowest.tier and room(node, session, from)
      and others(node, session, from) < math.ceil(1.25 * total * node.weight / weights) then
      return node
    end
  end
  return lowest
end

local turn, turned = tonumber(redis.call('GET', KEYS[4]) or 0), 0
local function inTurn(_, session, from)
  local best, steps
  for step = 1, n do
    local node = nodes[(turn + turned + step - 1) % n + 1]
    if room(node, session, from) and (not best or node.tier < best.tier) then
      best, steps = node, step
    end
  end
  turned = turned + (steps or 0)
  return best
end

local choose = ({['least-connections'] = least, ['consistent-hash'] = hashed, ['round-robin'] = inTurn})[strategy]

local before, at = {}, 3 * n + 4 -- what is recorded of the attempts already
while ARGV[at] do
  before[#before + 1] = ARGV[at]
  at = at + 4
end
if #before > 0 then before = redis.call('HMGET', KEYS[2], unpack(before)) end

local placed, fresh, crowds = {}, {}, {}
for i = 1, #before do
  local next = 3 * n + 4 * i
  local key, session, from = ARGV[next], ARGV[next + 1], nodes[tonumber(ARGV[next + 2])]
  local known = fresh[key] or before[i]
  if known then
    local id, incarnation, ends = string.match(known, '^([^|]*)|[^|]*|[ar]|([^|]*)|(%d+)$')
    placed[i] = id and id .. '|' .. incarnation .. '|' .. ends or ''
  else
    if from and not from.returns then survey(from) end
    if tell and i == 1 then
      for j, node in ipairs(nodes) do
        crowds[j] = node.state == 'ready' and string.format('%.17g', others(node, session, from) / node.weight) or ''
      end
    end
    local node = choose(ARGV[next + 3], session, from)
    if node then
      local kind = node == from and 'r' or 'a'
      node.count = node.count + 1
      node.new[#node.new + 1] = key
      fresh[key] = node.id .. '|' .. session .. '|' .. kind .. '|' .. node.incarnation .. '|' .. deadline
      if kind == 'r' then note(node, fresh[key]) end
      placed[i] = node.id .. '|' .. node.incarnation .. '|' .. deadline
    else
      placed[i] = ''
    end
  end
end

local seen = {}
for i, node in ipairs(nodes) do
  if tell then
    node.count = node.count - #node.new
  elseif #node.new > 0 then
    redis.call('ZREM', node.reserved, '') -- first, for it takes no memory: a takeover must pass on a full Redis
    local records, deadlines = {}, {}
    for j, key in ipairs(node.new) do
      records[2 * j - 1], records[2 * j] = key, fresh[key]
      deadlines[2 * j - 1], deadlines[2 * j] = deadline, key
    end
    redis.call('HSET', KEYS[2], unpack(records))
    redis.call('ZADD', node.reserved, unpack(deadlines))
    redis.call('ZINCRBY', KEYS[1], #node.new, node.id)
    -- A node's moves begin at the time in microseconds: for one that was forgotten and comes back, no number comes twice.
    redis.call('HSETNX', KEYS[3], node.id, string.format('%.0f', time[1] * 1000000 + time[2]))
    redis.call('HINCRBY', KEYS[3], node.id, #node.new)
  end
  seen[i] = string.format('%.0f|%.0f|%s', node.count, node.limit or 0, node.state)
end
if tell then return {placed, seen, crowds} end
if turned > 0 then
  redis.call('SET', KEYS[4], string.format('%.0f', (turn + turned) % 9007199254740992))
end
return {placed, seen}
