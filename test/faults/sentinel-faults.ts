import { setTimeout as delay } from 'node:timers/promises'
import type { RedisNode } from '../support/redis-node.ts'
import type { RunningSentinel } from '../support/redis-sentinel.ts'
import type { Fault } from './scenario.ts'
import type { World } from './world.ts'

/** Sentinel's own half second, its vote, the promotion, and until the nodes have noticed. */
const WATCHED = { topologies: ['sentinel'], recoveryMs: 15_000 } as const
/** A primary that is taken away was first cut off from its replicas for so long: what it acknowledged meanwhile is lost. */
const CUT_OFF_MS = 600
/** The server that was killed or stands still, until it is healed. */
const away = new WeakMap<World, RedisNode>()

/** What can happen to a Redis that is watched by sentinels. */
export const SENTINEL_FAULTS: readonly Fault[] = [
  {
    ...{ id: 'F-113', title: 'a failover loses acknowledged rotations', ...WATCHED },
    async inject(world) {
      const { sentinel, primary } = await primaryOf(world)
      // Replicas that follow nobody any more: the sentinels would tell them to, so these sleep meanwhile.
      for (const each of sentinel.sentinels) each.pause()
      const replicas = sentinel.servers.filter((server) => server !== primary)
      for (const replica of replicas) await replica.ask('REPLICAOF', '127.0.0.1', UNREACHABLE_PORT)
      await delay(CUT_OFF_MS)
      await take(world, primary, 'kill')
      for (const each of sentinel.sentinels) each.resume()
      await sentinel.becomesOther(primary)
    },
    heal: bringBack,
  },
  {
    ...{ id: 'F-114', title: 'the primary is killed', ...WATCHED },
    async inject(world) {
      const { sentinel, primary } = await primaryOf(world)
      await take(world, primary, 'kill')
      await sentinel.becomesOther(primary)
    },
    heal: bringBack,
  },
  {
    ...{ id: 'F-114', title: 'the primary hangs until another has taken over', ...WATCHED },
    async inject(world) {
      const { sentinel, primary } = await primaryOf(world)
      await take(world, primary, 'pause')
      await sentinel.becomesOther(primary)
    },
    heal: bringBack,
  },
  {
    ...{ id: 'F-114', title: 'two failovers in a row', ...WATCHED, nightlyOnly: true },
    async inject(world) {
      const { sentinel } = await primaryOf(world)
      await sentinel.failover()
      await delay(BETWEEN_FAILOVERS_MS)
      await sentinel.failover().catch(() => {}) // it may be too soon for the sentinels
    },
  },
  {
    ...{ id: 'F-114', title: 'two of three sentinels hang', ...WATCHED, nightlyOnly: true },
    inject(world) {
      for (const each of sentinelOf(world).sentinels.slice(1)) each.pause()
    },
    heal(world) {
      for (const each of sentinelOf(world).sentinels) each.resume()
    },
  },
]

/** Nothing listens there. */
const UNREACHABLE_PORT = 1
const BETWEEN_FAILOVERS_MS = 2500

/** @throws Error in a topology without sentinels */
function sentinelOf({ sentinel }: World): RunningSentinel {
  if (!sentinel) throw new Error('this topology has no sentinels')
  return sentinel
}

async function primaryOf(world: World): Promise<{ sentinel: RunningSentinel; primary: RedisNode }> {
  const sentinel = sentinelOf(world)
  return { sentinel, primary: await sentinel.primary() }
}

async function take(world: World, server: RedisNode, how: 'kill' | 'pause'): Promise<void> {
  away.set(world, server)
  await server[how]()
}

/** The old primary comes back, and becomes a replica. */
async function bringBack(world: World): Promise<void> {
  const server = away.get(world)
  away.delete(world)
  if (!server) return
  server.resume()
  if ((await server.ask('PING').catch(() => undefined)) === undefined) await server.restart()
}
