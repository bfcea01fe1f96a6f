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

  Returns { code, g, p, t, k, l, rebuilt }: the position after the step, and whether the anchor set Redis right.
  The codes are OUTCOMES in src/tokens/refresh-families-redis.ts:
    1 rotated   2 retry   3 late_retry   4 roll_forward   5 reuse   6 future
  Nothing is written by codes 2, 5 and 6.
]]
local presented, now = tonumber(ARGV[1]), tonumber(ARGV[2])
local stored = redis.call('HMGET', KEYS[1], 'g', 'p', 't', 'k', 'l')
local g, p, t, k, l = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11]), tonumber(ARGV[12])
local rebuilt = 0
if stored[1] and tonumber(stored[1]) >= g then
  g, p, t, k, l = tonumber(stored[1]), tonumber(stored[2]), tonumber(stored[3]), tonumber(stored[4]), tonumber(stored[5])
elseif g > 1 then
  rebuilt = 1
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
