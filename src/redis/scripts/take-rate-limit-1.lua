#!lua
--[[
  Take a unit of a limit, or give one back: one atomic step for one key (GCRA).

  KEYS[1]   rl:{mac}   the moment when all units will have come back, ms

  ARGV[1]   now, ms
  ARGV[2]   what a unit takes to come back, ms; below 0 to give one back
  ARGV[3]   the units that may be used at once, as ms

  Returns how long to wait for a unit, ms; 0 where it was taken, or given back. A refused request changes nothing.
]]
local now, interval, capacity = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local stored = redis.call('GET', KEYS[1])
local full_at = math.max(tonumber(stored or 0) or 0, now)
local used = full_at + interval - now
if used > capacity then return math.ceil(used - capacity) end
if used <= 0 then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], string.format('%.3f', full_at + interval), 'PX', math.max(1, math.ceil(used)))
end
return 0
