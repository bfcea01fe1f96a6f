import { type Fault, REDIS_RECOVERY_MS } from './scenario.ts'
import type { RedisStore } from './stores.ts'
import type { World } from './world.ts'

const topologies = ['standalone'] as const
const recoveryMs = REDIS_RECOVERY_MS

/** What can happen to a Redis that stands alone. */
export const REDIS_FAULTS: readonly Fault[] = [
  {
    id: 'F-110',
    title: 'Redis without persistence is killed',
    ...{ topologies, recoveryMs, also: ['boot', 'flapping'] },
    inject: (world) => redisOf(world).kill(),
    heal: (world) => redisOf(world).start(),
  },
]

/** @throws Error in a topology without Redis */
function redisOf({ redis }: World): RedisStore {
  if (!redis) throw new Error('this topology has no Redis')
  return redis
}
