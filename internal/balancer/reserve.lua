-- Chooses a node for each of several attempts and raises its live count, in one step.
-- KEYS 1 load  2 reservations  3 moves  4 turn  5.. for each candidate: node:<id>, reserved:<id>
-- ARGV 1 strategy  2 how long an attempt stands, ms  3 number of candidates n
--      then for each candidate: id, incarnation as the caller knows it, tier (0 is tried first)
--      then for each attempt: its key, its session, the candidates in rendezvous order (one character each, '0' is the first)
-- Returns {placed, candidates}: for each attempt "id|incarnation|deadline ms", or '' where no candidate has room; and for each
-- candidate "count|limit|state", state being ready, cordoned, draining, gone, replaced or unreadable.
-- Sent again it finds its attempts recorded and answers the same nodes, raising nothing.
-- It costs candidates times attempts, which the caller bounds: 8,000 take a few milliseconds.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local strategy, n = ARGV[1], tonumber(ARGV[3])
local deadline = string.format('%.0f', now + ARGV[2])

local nodes = {}
for i = 1, n do
  local at = 3 * i + 1
  local node = {id = ARGV[at], incarnation = ARGV[at + 1], tier = tonumber(ARGV[at + 2]), new = {}}
  local is = redis.call('HMGET', KEYS[2 * i + 3], 'incarnation', 'state', 'maxSessions', 'weight')
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
  end
  nodes[i] = node
end

local function room(node) return node.state == 'ready' and node.count < node.limit end

local byte = string.byte
local function at(order, i) return nodes[byte(order, i) - 47] end

local function least(order)
  local best
  for i = 1, n do
    local node = at(order, i)
    if room(node) and (not best or node.tier < best.tier
      or node.tier == best.tier and node.count / node.weight < best.count / best.weight) then
      best = node
    end
  end
  return best
end

-- Within the best tier that has room; the bound counts the session that is being placed.
local function hashed(order)
  local lowest = least(order)
  if not lowest then return nil end
  local total, weights = 1, 0
  for _, node in ipairs(nodes) do
    if node.tier == lowest.tier and node.state == 'ready' then
      total, weights = total + node.count, weights + node.weight
    end
  end
  for i = 1, n do
    local node = at(order, i)
    if node.tier == lowest.tier and room(node) and node.count < math.ceil(1.25 * total * node.weight / weights) then
      return node
    end
  end
  return lowest
end

local turn, turned = tonumber(redis.call('GET', KEYS[4]) or 0), 0
local function inTurn()
  local best, steps
  for step = 1, n do
    local node = nodes[(turn + turned + step - 1) % n + 1]
    if room(node) and (not best or node.tier < best.tier) then
      best, steps = node, step
    end
  end
  turned = turned + (steps or 0)
  return best
end

local choose = ({['least-connections'] = least, ['consistent-hash'] = hashed, ['round-robin'] = inTurn})[strategy]

local placed, fresh = {}, {}
local next = 3 * n + 4
while ARGV[next] do
  local key, session = ARGV[next], ARGV[next + 1]
  local known = fresh[key] or redis.call('HGET', KEYS[2], key)
  if known then
    local id, incarnation, ends = string.match(known, '^([^|]*)|[^|]*|a|([^|]*)|(%d+)$')
    placed[#placed + 1] = id and id .. '|' .. incarnation .. '|' .. ends or ''
  else
    local node = choose(ARGV[next + 2])
    if node then
      node.count = node.count + 1
      node.new[#node.new + 1] = key
      fresh[key] = node.id .. '|' .. session .. '|a|' .. node.incarnation .. '|' .. deadline
      placed[#placed + 1] = node.id .. '|' .. node.incarnation .. '|' .. deadline
    else
      placed[#placed + 1] = ''
    end
  end
  next = next + 3
end

local seen = {}
for i, node in ipairs(nodes) do
  local reserved = KEYS[2 * i + 4]
  if #node.new > 0 then
    redis.call('ZREM', reserved, '') -- first, for it takes no memory: a takeover must pass on a full Redis
    for _, key in ipairs(node.new) do
      redis.call('HSET', KEYS[2], key, fresh[key])
      redis.call('ZADD', reserved, deadline, key)
    end
    redis.call('ZINCRBY', KEYS[1], #node.new, node.id)
    -- A node's moves begin at the time in microseconds: for one that was forgotten and comes back, no number comes twice.
    redis.call('HSETNX', KEYS[3], node.id, string.format('%.0f', time[1] * 1000000 + time[2]))
    redis.call('HINCRBY', KEYS[3], node.id, #node.new)
  end
  seen[i] = string.format('%.0f|%.0f|%s', node.count, node.limit or 0, node.state)
end
if turned > 0 then
  redis.call('SET', KEYS[4], string.format('%.0f', (turn + turned) % 9007199254740992))
end
return {placed, seen}
