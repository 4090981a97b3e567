-- Settles attempts: forgets them and sets the live counts right.
-- KEYS 1 load  2 reservations  3 moves  4.. reserved:<id> of each node concerned
-- ARGV for each attempt: its key, its session, its node, which of KEYS is that node's reserved:<id>, 1 if kept else 0
-- Returns how many it found recorded. An attempt that is not recorded (any more), or is another session's, changes nothing.
-- Sent again it finds nothing recorded.
local time = redis.call('TIME')
local first = string.format('%.0f', time[1] * 1000000 + time[2]) -- of a node's moves, see reserve

local known, over, nodes, order = {}, {}, {}, {}
for at = 1, #ARGV, 5 do known[#known + 1] = ARGV[at] end
if #known > 0 then known = redis.call('HMGET', KEYS[2], unpack(known)) end
for i = 1, #known do
  local at = 5 * i - 4
  local key, node = ARGV[at], ARGV[at + 2]
  local its = nodes[node]
  if not its then
    its = {reserved = KEYS[tonumber(ARGV[at + 3])], keys = {}, forget = {}, went = 0}
    nodes[node] = its
    order[#order + 1] = node
  end
  local prefix = node .. '|' .. ARGV[at + 1] .. '|'
  if not known[i] or over[key] then
    its.keys[#its.keys + 1] = key -- a deadline without an attempt
  elseif string.sub(known[i], 1, #prefix) == prefix then
    over[key] = true
    its.forget[#its.forget + 1] = key
    its.keys[#its.keys + 1] = key
    if ARGV[at + 4] == '0' then its.went = its.went + 1 end
  end
end

local settled = 0
for _, node in ipairs(order) do
  local its = nodes[node]
  if #its.keys > 0 then redis.call('ZREM', its.reserved, unpack(its.keys)) end
  if #its.forget > 0 then
    redis.call('HDEL', KEYS[2], unpack(its.forget))
    local fewer = math.min(its.went, math.ceil(tonumber(redis.call('ZSCORE', KEYS[1], node) or 0)))
    if fewer > 0 then redis.call('ZINCRBY', KEYS[1], -fewer, node) end
    redis.call('HSETNX', KEYS[3], node, first)
    redis.call('HINCRBY', KEYS[3], node, #its.forget)
    settled = settled + #its.forget
  end
end
return settled
