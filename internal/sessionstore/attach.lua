-- attach: what a change of one record does to what lies beside it. It stands between record and cas or commit, whose call is then about one
-- session alone: the record and what lies beside it change together or not at all, so that each place's record says what lies there.
--
-- Recognises its own earlier execution: messages that end as they should are left alone, a context is written again.
--
-- KEYS[last+1]  the session's messages, a stream
-- KEYS[last+2]  its context, a string
-- ARGV ends with
--   of the messages: "keep"; "drop" them; "whole", only those that follow; "append" those that follow to what ends with the expected one
--   expected last id ("append"; others: ""), last id afterwards, how many messages are kept, context's "keep", "drop" or "set", its value,
--   then for each message: id, kind, data, at, epoch, key, and last of all the number of strings from "of the messages" on
-- mayAttach returns 1; -2 the messages do not end as expected; -100-n KEYS[n] holds something of another type.
last = last - 2
local messages, context, from = KEYS[last + 1], KEYS[last + 2], #ARGV - tonumber(ARGV[#ARGV])
local todo, expected, ends, kept, state = ARGV[from], ARGV[from + 1], ARGV[from + 2], ARGV[from + 3], ARGV[from + 4]

local function newest()
  local e = call('XREVRANGE', messages, '+', '-', 'COUNT', 1)
  return e[1] and e[1][1] or ''
end

mayAttach = function()
  if not is(messages, 'stream') then return -100 - (last + 1) end
  if not is(context, 'string') then return -100 - (last + 2) end
  local may = mayIndex()
  if may ~= 1 or todo ~= 'append' then return may end
  local now = newest()
  return (now == expected or now == ends) and 1 or -2
end

attach = function(record)
  open(record)
  if todo == 'drop' then
    call('DEL', messages)
    unindex()
  elseif todo ~= 'keep' and newest() ~= ends then
    if todo == 'whole' then call('DEL', messages) end
    follow(messages, newest(), from + 6, ends, kept)
    for i = from + 6, #ARGV - 1, 6 do
      call('XADD', messages, 'MAXLEN', '=', kept, ARGV[i], 'kind', ARGV[i + 1], 'data', ARGV[i + 2], 'at', ARGV[i + 3],
        'epoch', ARGV[i + 4], 'key', ARGV[i + 5])
    end
  end
  if state == 'drop' then call('DEL', context) elseif state == 'set' then call('SET', context, ARGV[from + 5]) end
end

