import { Cluster, Command, ReplyError } from 'ioredis'
import type { Logger } from '../telemetry/logger.ts'
import type { RedisConnection } from './connection.ts'
import { adviceOn } from './refusals.ts'

/** Calls that cost little while Redis does not work, and word of how it is. */
export interface GuardedCalls {
  /**
   * Runs one call about `key`.
   * @throws Error at once where there is no connection or the server has just been too slow, and otherwise within
   *   `DEADLINE_MS`; the call may have been carried out all the same
   */
  run<T>(key: string, call: () => Promise<T>): Promise<T>
  /** What keeps it from its work, for readiness; undefined where nothing does. */
  trouble(): string | undefined
}

/** How one server stands. A cluster has several, and one that hangs is no reason not to ask the others. */
interface Shard {
  /** Calls in a row that got no answer in time. */
  late: number
  /** `held`: nobody asks; `trial`: the next one may ask, alone. */
  gate: 'open' | 'held' | 'trial'
  timer: NodeJS.Timeout | undefined
  /** The error reply that it refuses with. */
  refusal: string | undefined
}

/** As the connection's own limit; also for what ioredis keeps back before it is sent. */
const DEADLINE_MS = 250
/** One slow answer is no fault. Where these many in a row were, nobody else shall wait. */
const LATE_UNTIL_HELD = 3
/** Then one request in this time finds out whether it answers again. */
const HOLD_MS = 500
const LATE = 'no answer in time'

/** Guards the calls on one connection; logs when Redis begins and ceases to refuse or to hang, once each. */
export function guardedCalls(redis: RedisConnection, logger: Logger): GuardedCalls {
  const shards = new Map<string, Shard>()
  // A new connection says nothing of what the last one suffered from.
  redis.on('ready', () => {
    for (const shard of shards.values()) reopen(shard)
  })
  if (redis instanceof Cluster) redis.on('-node', forget)

  function forget(node: { options: { host?: string; port?: number } }): void {
    const name = `${node.options.host}:${node.options.port}`
    const shard = shards.get(name)
    if (shard === undefined) return
    reopen(shard)
    shards.delete(name)
  }

  function reopen(shard: Shard): void {
    clearTimeout(shard.timer)
    if (shard.gate !== 'open') logger.warn({}, 'redis is asked again')
    shard.gate = 'open'
    shard.late = 0
  }

  function shardOf(key: string): Shard {
    const name = redis instanceof Cluster ? serverOf(redis, key) : 'server'
    const known = shards.get(name)
    if (known) return known
    const shard: Shard = { late: 0, gate: 'open', timer: undefined, refusal: undefined }
    shards.set(name, shard)
    return shard
  }

  function hold(shard: Shard): void {
    if (shard.gate === 'open') logger.warn({}, 'redis hangs: refreshing on postgres meanwhile')
    shard.gate = 'held'
    clearTimeout(shard.timer)
    shard.timer = setTimeout(() => {
      shard.gate = 'trial'
    }, HOLD_MS).unref()
  }

  function succeeded(shard: Shard): void {
    if (shard.refusal !== undefined) logger.warn({}, 'redis takes commands again')
    shard.refusal = undefined
    reopen(shard)
  }

  function failed(shard: Shard, error: unknown): void {
    if (!(error instanceof Error)) return
    if (error.message === LATE || error.message === 'Command timed out') {
      shard.late++
      if (shard.late >= LATE_UNTIL_HELD || shard.gate !== 'open') hold(shard)
      return
    }
    // What is closed, moved or down in a cluster is found by asking who serves now.
    if (redis instanceof Cluster) redis.refreshSlotsCache()
    if (!(error instanceof ReplyError)) return
    reopen(shard)
    const [code = ''] = error.message.split(' ')
    if (code === 'MOVED' || code === 'ASK' || code === 'TRYAGAIN' || shard.refusal === code) return
    shard.refusal = code
    logger.warn({ err: error, advice: adviceOn(code) }, 'redis refuses: refreshing on postgres meanwhile')
  }

  return {
    async run(key, call) {
      if (redis.status !== 'ready') throw new Error('not connected')
      const shard = shardOf(key)
      if (shard.gate === 'held') throw new Error('it was too slow a moment ago')
      if (shard.gate === 'trial') hold(shard)
      try {
        const answer = await within(DEADLINE_MS, call())
        succeeded(shard)
        return answer
      } catch (error) {
        failed(shard, error)
        throw error
      }
    },

    trouble() {
      if (redis.status !== 'ready') return 'down'
      const all = [...shards.values()]
      const refusal = all.find((shard) => shard.refusal !== undefined)?.refusal
      if (refusal !== undefined) return `refuses the script: ${refusal} (${adviceOn(refusal)})`
      return all.some(({ gate }) => gate !== 'open') ? 'hangs' : undefined
    },
  }
}

/** `host:port` of the server of a key's slot, as the cluster was last known. */
function serverOf(cluster: Cluster, key: string): string {
  return cluster.slots[new Command('get', [key]).getSlot()]?.[0] ?? 'nobody'
}

async function within<T>(milliseconds: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(LATE)), milliseconds)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
