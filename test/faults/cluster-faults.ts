import type { RunningCluster } from '../support/redis-cluster.ts'
import type { RedisNode } from '../support/redis-node.ts'
import type { Fault } from './scenario.ts'
import type { World } from './world.ts'

/** As with sentinels: until a replica has been elected, and the nodes know of it. */
const IN_CLUSTER = { topologies: ['cluster'], recoveryMs: 15_000 } as const

/** What can happen to a Redis Cluster. */
export const CLUSTER_FAULTS: readonly Fault[] = [
  {
    ...{ id: 'F-115', title: 'slots move to another master', ...IN_CLUSTER },
    async inject(world) {
      const cluster = clusterOf(world)
      for (const key of await familyKeys(cluster)) await cluster.migrateSlotOf(key)
    },
  },
  {
    ...{ id: 'F-115', title: 'a master is killed, and its replica takes over', ...IN_CLUSTER },
    inject: (world) => masterOf(world, 0).kill(),
    async heal(world) {
      await clusterOf(world).becomesOk()
      await masterOf(world, 0).restart()
    },
  },
  {
    ...{ id: 'F-115', title: 'a master hangs', ...IN_CLUSTER, nightlyOnly: true },
    inject: (world) => masterOf(world, 1).pause(),
    heal: (world) => masterOf(world, 1).resume(),
  },
  {
    ...{ id: 'F-115', title: 'CLUSTERDOWN: a master and its replica are killed', ...IN_CLUSTER },
    async inject(world) {
      await masterOf(world, 2).kill()
      await replicaOf(world, 2).kill()
    },
    async heal(world) {
      await masterOf(world, 2).restart()
      await replicaOf(world, 2).restart()
      await clusterOf(world).becomesOk()
    },
  },
]

/** So many slots, not all: each takes a dozen commands. */
const MOVED = 5

/** @throws Error in a topology without a cluster */
function clusterOf({ cluster }: World): RunningCluster {
  if (!cluster) throw new Error('this topology has no cluster')
  return cluster
}

function masterOf(world: World, index: number): RedisNode {
  const master = clusterOf(world).masters[index]
  if (!master) throw new Error('there is no such master')
  return master
}

function replicaOf(world: World, index: number): RedisNode {
  const replica = clusterOf(world).replicas[index]
  if (!replica) throw new Error('there is no such replica')
  return replica
}

/** Some families that a master holds. */
async function familyKeys({ masters }: RunningCluster): Promise<string[]> {
  const keys = (await masters[0]?.ask('KEYS', 'rt:*')) as string[] | undefined
  return (keys ?? []).slice(0, MOVED)
}
