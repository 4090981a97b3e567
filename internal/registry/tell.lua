-- tell: what the scripts share that have something to tell; it stands before each of them, and the constant kept before it.
--
-- tell notes an event of a node: its incarnation, the node that acts, and why. Nothing depends on whether it could: a key that holds
-- something else keeps nobody from the fleet.
local function tell(key, kind, node, incarnation, actor, why)
  redis.pcall('XADD', key, 'MAXLEN', '~', kept, '*', kind, node .. ' ' .. incarnation .. ' ' .. actor .. ' ' .. why)
end

