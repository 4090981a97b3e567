-- Records that sessions are about to leave their nodes; the live counts stay.
-- KEYS 1 load  2 reservations  3 moves  4.. reserved:<id> of each node concerned
-- ARGV 1 how long an attempt stands, ms
--      then for each attempt: its key, its session, its node, which of KEYS is that node's reserved:<id>
-- Returns how many it recorded. Sent again it finds them recorded and changes nothing.
-- A node without a count, as one that was forgotten, counts no session that could leave it. Nothing is recorded there, so that
-- settling does not lower the count of one that has registered meanwhile.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local first = string.format('%.0f', time[1] * 1000000 + time[2]) -- of a node's moves, see reserve
local deadline = string.format('%.0f', now + ARGV[1])

local known, leaving, order, taken = {}, {}, {}, {}
for at = 2, #ARGV, 4 do known[#known + 1] = ARGV[at] end
if #known > 0 then known = redis.call('HMGET', KEYS[2], unpack(known)) end
for i = 1, #known do
  local at = 4 * i - 2
  local key, session, node = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local its = leaving[node]
  if not its then
    its = {reserved = KEYS[tonumber(ARGV[at + 3])], counted = redis.call('ZSCORE', KEYS[1], node), keys = {}, records = {}, deadlines = {}}
    leaving[node] = its
    order[#order + 1] = node
  end
  if its.counted and not known[i] and not taken[key] then
    taken[key] = true
    its.keys[#its.keys + 1] = key
    its.records[2 * #its.keys - 1], its.records[2 * #its.keys] = key, node .. '|' .. session .. '|l||' .. deadline
    its.deadlines[2 * #its.keys - 1], its.deadlines[2 * #its.keys] = deadline, key
  end
end

local recorded = 0
for _, node in ipairs(order) do
  local its = leaving[node]
  if #its.keys > 0 then
    redis.call('ZREM', its.reserved, unpack(its.keys)) -- first, for it takes no memory: a delete must pass on a full Redis
    redis.call('HSET', KEYS[2], unpack(its.records))
    redis.call('ZADD', its.reserved, unpack(its.deadlines))
    redis.call('HSETNX', KEYS[3], node, first)
    redis.call('HINCRBY', KEYS[3], node, #its.keys)
    recorded = recorded + #its.keys
  end
end
return recorded
