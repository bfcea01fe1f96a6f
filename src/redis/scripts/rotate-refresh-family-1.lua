#!lua
--[[
  Rotate a refresh family: one atomic step of the table in src/tokens/rotation.ts.

  KEYS[1]   rt:{family id}   hash { g live generation, p its predecessor, t when it was made (ms), k the refresh key
            version it is derived with, l 1 when the predecessor has had its late retry }

  ARGV[1]   the generation that the presented token names (its mac has been compared)
  ARGV[2]   now, ms
  ARGV[3]   the retry window, ms
  ARGV[4]   the late window, ms; 0 where the client's late policy is `revoke`
  ARGV[5]   the roll-forward limit, generations
  ARGV[6]   the refresh key version for a new generation
  ARGV[7]   how long to keep the key, ms
  ARGV[8-12]  the anchor, i.e. the position as Postgres knows it: g p t k l. Redis may have lost writes or be empty;
            whichever of the two is further along counts.

  A key of another type, or a hash whose fields cannot have been written here, is as good as none: it is overwritten
  with the anchor.

  Returns { code, g, p, t, k, l, rebuilt }: the position after the step, and 1 where the anchor set Redis right, 2
  where what it held was damaged.
  The codes are OUTCOMES in src/tokens/refresh-families-redis.ts:
    1 rotated   2 retry   3 late_retry   4 roll_forward   5 reuse   6 future
  Nothing is written by codes 2, 5 and 6, unless it was damaged.
]]
local presented, now = tonumber(ARGV[1]), tonumber(ARGV[2])
local g, p, t, k, l = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11]), tonumber(ARGV[12])
local rebuilt = 0

-- A whole number up to `most`, or nil. `tonumber` alone would take nan, 0x1 and 1e300.
local function whole(text, most)
  local number = text and #text <= 16 and string.match(text, '^%d+$') and tonumber(text)
  return number and number <= most and number or nil
end

local LARGEST = 2147483647
local stored = redis.pcall('HMGET', KEYS[1], 'g', 'p', 't', 'k', 'l')
local sound
if not stored.err then
  local sg, sp, st = whole(stored[1], LARGEST), whole(stored[2], LARGEST), whole(stored[3], 9007199254740991)
  -- Another node may know of one version more than this one.
  local sk, sl = whole(stored[4], tonumber(ARGV[6]) + 1), whole(stored[5], 1)
  sound = sg and sp and st and sk and sl and sp < sg and sk > 0 and { sg, sp, st, sk, sl }
end
if sound and sound[1] >= g then
  g, p, t, k, l = unpack(sound)
elseif sound or not (stored.err or stored[1] or stored[2] or stored[3] or stored[4] or stored[5]) then
  if g > 1 then rebuilt = 1 end
elseif stored.err and not string.find(stored.err, 'WRONGTYPE', 1, true) then
  return redis.error_reply(stored.err)
else
  rebuilt = 2
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'g', g, 'p', p, 't', ARGV[10], 'k', k, 'l', l)
  redis.call('PEXPIRE', KEYS[1], ARGV[7])
end

local function move(code, from, late, to)
  g, p, t, k, l = to, from, now, tonumber(ARGV[6]), late
  redis.call('HSET', KEYS[1], 'g', g, 'p', p, 't', ARGV[2], 'k', k, 'l', l)
  redis.call('PEXPIRE', KEYS[1], ARGV[7])
  return code
end

local code
if presented == g then
  code = move(1, g, 0, g + 1)
elseif presented > g + tonumber(ARGV[5]) then
  code = 6
elseif presented > g then
  code = move(4, presented, 0, presented + 1)
elseif presented ~= p then
  code = 5
else
  local age = math.abs(now - t)
  if age <= tonumber(ARGV[3]) then
    code = 2
  elseif l == 0 and age <= tonumber(ARGV[4]) then
    code = move(3, p, 1, g + 1)
  else
    code = 5
  end
end
return { code, g, p, t, k, l, rebuilt }
