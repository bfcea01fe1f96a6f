import { chmodSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Toxics } from './proxy.ts'
import { type Fault, REDIS_RECOVERY_MS } from './scenario.ts'
import type { RedisStore } from './stores.ts'
import type { World } from './world.ts'

const NIGHTLY = { nightlyOnly: true } as const
const ALONE = { topologies: ['standalone'], recoveryMs: REDIS_RECOVERY_MS } as const

/** What can happen to a Redis that stands alone, and on the way to it. */
export const REDIS_FAULTS: readonly Fault[] = [
  {
    ...{ id: 'F-110', title: 'Redis without persistence is killed', ...ALONE },
    also: ['boot', 'flapping'],
    inject: (world) => redisOf(world).kill(),
    heal: (world) => redisOf(world).start(),
  },
  killedWithAof('everysec'),
  { ...killedWithAof('always'), nightlyOnly: true },
  {
    ...{ id: 'F-111', title: 'Redis is stopped', ...ALONE },
    also: ['boot'],
    holdMs: { ci: 1500, nightly: 30_000 },
    inject: (world) => redisOf(world).stop(),
    heal: (world) => redisOf(world).start(),
  },
  paused({ ci: 1000, nightly: 5000 }),
  {
    ...paused({ ci: 0, nightly: 30_000 }),
    title: 'Redis hangs for half a minute',
    also: [],
    nightlyOnly: true,
  },
  at('F-116', 'FLUSHALL', (redis) => redis.command('FLUSHALL')),
  at(
    'F-116',
    'every second family is deleted',
    async (redis) => {
      const keys = await families(redis)
      for (const key of keys.filter((_, index) => index % 2 === 0)) await redis.command('DEL', key)
    },
    NIGHTLY,
  ),
  {
    ...{ id: 'F-116', title: 'Redis comes back with an old snapshot', ...ALONE },
    async inject(world) {
      await redisOf(world).command('SAVE')
      await delay(OLD_MS)
      await redisOf(world).kill()
    },
    async heal(world) {
      await redisOf(world).start()
      rmSync(join(redisOf(world).directory, 'dump.rdb'))
    },
  },
  {
    ...{ id: 'F-117', title: 'memory is full, nothing may be evicted', ...ALONE },
    inject: async (world) => void (await redisOf(world).command('CONFIG', 'SET', 'maxmemory', 1)),
    heal: async (world) => void (await redisOf(world).command('CONFIG', 'SET', 'maxmemory', 0)),
  },
  {
    ...{ id: 'F-117', title: 'memory is full, families are evicted', ...ALONE, ...NIGHTLY },
    async inject(world) {
      await redisOf(world).command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-random', 'maxmemory', 1)
    },
    async heal(world) {
      await redisOf(world).command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction', 'maxmemory', 0)
    },
  },
  {
    ...{ id: 'F-118', title: 'the disk takes no snapshot, and Redis no writes', ...ALONE },
    async inject(world) {
      const redis = redisOf(world)
      chmodSync(redis.directory, 0o500)
      await redis.command('CONFIG', 'SET', 'save', '3600 1')
      await redis.command('BGSAVE')
    },
    async heal(world) {
      const redis = redisOf(world)
      chmodSync(redis.directory, 0o700)
      await redis.command('CONFIG', 'SET', 'save', '')
    },
  },
  at('F-119', 'SCRIPT FLUSH and FUNCTION FLUSH', async (redis) => {
    await redis.command('SCRIPT', 'FLUSH')
    await redis.command('FUNCTION', 'FLUSH')
  }),
  at(
    'F-119',
    'all clients are disconnected',
    (redis) => redis.command('CLIENT', 'KILL', 'TYPE', 'normal'),
    NIGHTLY,
  ),
  {
    ...{ id: 'F-119', title: 'DEBUG SLEEP 2', ...ALONE, ...NIGHTLY },
    inject(world) {
      redisOf(world)
        .command('DEBUG', 'SLEEP', 2)
        .catch(() => {})
    },
    heal: async (world) => void (await redisOf(world).command('PING')),
  },
  {
    ...{ id: 'F-119', title: 'the password is another one', ...ALONE, ...NIGHTLY },
    also: ['boot'],
    async inject(world) {
      await redisOf(world).command('ACL', 'SETUSER', 'default', 'resetpass', '>another')
      await redisOf(world).command('CLIENT', 'KILL', 'TYPE', 'normal')
    },
    heal: async (world) => void (await redisOf(world).command('ACL', 'SETUSER', 'default', 'nopass')),
  },
  {
    ...{ id: 'F-119', title: 'an ACL forbids scripts', ...ALONE },
    inject: async (world) => void (await redisOf(world).command('ACL', 'SETUSER', 'default', '-@scripting')),
    heal: async (world) => void (await redisOf(world).command('ACL', 'SETUSER', 'default', '+@all')),
  },
  onLinks('5 ms later, 5 more or less', { latencyMs: 5, jitterMs: 5 }, { nightlyOnly: true }),
  onLinks('50 ms later, 40 more or less', { latencyMs: 50, jitterMs: 40 }, { nightlyOnly: true }),
  onLinks('500 ms later', { latencyMs: 500, jitterMs: 100 }, NIGHTLY),
  onLinks('1 KB/s', { bytesPerSecond: 1000 }, { nightlyOnly: true }),
  onLinks('reset after 2000 bytes of answers', { cutAfterBytes: 2000 }, NIGHTLY),
  onLinks('a third of the answers is lost', { lostAnswers: 0.3 }),
  onLinks('nothing passes', { isBlackHole: true }, { also: ['boot', 'flapping'] }),
  onLinks('no answer passes', { holdsAnswers: true }, NIGHTLY),
  onLinks('nothing passes, for one node', { isBlackHole: true }, { isForOne: true, nightlyOnly: true }),
  {
    ...{ id: 'F-120', title: 'every connection to Redis is reset', ...ALONE, ...NIGHTLY },
    inject({ redisLinks }) {
      for (const link of redisLinks) link.reset()
    },
  },
  {
    ...{ id: 'F-120', title: 'every connection to Redis is half closed', ...ALONE, ...NIGHTLY },
    inject({ redisLinks }) {
      for (const link of redisLinks) link.halfClose()
    },
  },
  damaged('with half of the fields', (redis, key) => redis.command('HDEL', key, 'p', 't'), NIGHTLY),
  damaged('of another type', (redis, key) => redis.command('SET', key, 'x')),
  damaged('with a negative generation', (redis, key) => redis.command('HSET', key, 'g', -5), NIGHTLY),
  damaged(
    'with a generation that is no number',
    (redis, key) => redis.command('HSET', key, 'g', 'nan'),
    NIGHTLY,
  ),
]

/** So old is the snapshot that Redis comes back with: many sessions have moved on meanwhile. */
const OLD_MS = 700
const SCAN_COUNT = 10_000

/** @throws Error in a topology without Redis */
function redisOf({ redis }: World): RedisStore {
  if (!redis) throw new Error('this topology has no Redis')
  return redis
}

/** Something that happens in a moment. */
function at(
  id: string,
  title: string,
  act: (redis: RedisStore) => Promise<unknown>,
  more: Partial<Fault> = {},
): Fault {
  return {
    ...{ id, title, ...ALONE, ...more },
    inject: async (world) => void (await act(redisOf(world))),
  }
}

function killedWithAof(fsync: 'everysec' | 'always'): Fault {
  const settings = ['--appendonly', 'yes', '--appendfsync', fsync]
  return {
    ...{ id: 'F-110', title: `Redis with AOF ${fsync} is killed`, ...ALONE },
    async inject(world) {
      const redis = redisOf(world)
      await redis.command('CONFIG', 'SET', 'appendfsync', fsync, 'appendonly', 'yes')
      while (
        !/aof_rewrite_in_progress:0\s+aof_rewrite_scheduled:0/.test(String(await redis.command('INFO')))
      ) {
        await delay(20)
      }
      await delay(OLD_MS)
      await redis.kill()
    },
    async heal(world) {
      await redisOf(world).start(settings)
      await redisOf(world).command('CONFIG', 'SET', 'appendonly', 'no')
    },
  }
}

function paused(holdMs: { ci: number; nightly: number }): Fault {
  return {
    ...{ id: 'F-112', title: 'Redis hangs', ...ALONE, holdMs },
    also: ['boot', 'flapping'],
    inject: (world) => redisOf(world).pause(),
    heal: (world) => redisOf(world).resume(),
  }
}

/** Something is wrong on the way between the nodes and Redis. */
function onLinks(
  title: string,
  toxics: Toxics,
  { isForOne = false, ...more }: Partial<Fault> & { isForOne?: boolean } = {},
): Fault {
  const links = (world: World) => (isForOne ? world.redisLinks.slice(0, 1) : world.redisLinks)
  return {
    ...{ id: 'F-120', title: `to Redis: ${title}`, ...ALONE, ...more },
    inject(world) {
      for (const link of links(world)) link.set(toxics)
    },
    heal(world) {
      for (const link of links(world)) link.heal()
    },
  }
}

/** Every family in Redis is what no node would have written. */
function damaged(
  how: string,
  damage: (redis: RedisStore, key: string) => Promise<unknown>,
  more: Partial<Fault> = {},
): Fault {
  const damageAll = async (redis: RedisStore) => {
    for (const key of await families(redis)) await damage(redis, key)
  }
  return at('F-121', `families ${how}`, damageAll, more)
}

/** The keys of families that are sound; one that was damaged stays so until somebody uses it. */
async function families(redis: RedisStore): Promise<string[]> {
  const reply = (await redis.command('SCAN', 0, 'MATCH', 'rt:*', 'COUNT', SCAN_COUNT, 'TYPE', 'hash')) as [
    string,
    string[],
  ]
  return reply[1]
}
