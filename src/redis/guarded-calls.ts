import { Cluster, Command, ReplyError } from 'ioredis'
import type { Logger } from '../telemetry/logger.ts'
import type { RedisConnection } from './connection.ts'
import { adviceOn } from './refusals.ts'

/** Calls that cost little while Redis does not work, and word of how it is. */
export interface GuardedCalls {
  /**
   * Runs one call about `key`.
   * @throws Error at once where there is no connection or the server does not answer, and otherwise within
   *   `DEADLINE_MS`; the call may have been carried out all the same
   */
  run<T>(key: string, call: () => Promise<T>): Promise<T>
  /** What keeps it from its work, for readiness; undefined where nothing does. */
  trouble(): string | undefined
}

/** How one server stands. A cluster has several, and one that hangs is no reason not to ask the others. */
interface Shard {
  readonly server: string
  /** Calls in a row that got no answer in time. */
  late: number
  /** It hangs: nobody asks it, but for a look in the background. */
  isHeld: boolean
  /** The next look. */
  timer: NodeJS.Timeout | undefined
  /** HANGS, UNREACHABLE, or the code of the error reply that it refuses with. */
  trouble: string | undefined
}

/** As the connection's own limit; also for what ioredis keeps back before it is sent. */
const DEADLINE_MS = 250
/** One slow answer is no fault. Where these many in a row were, nobody else shall wait. */
const LATE_UNTIL_HELD = 3
/** Then a look in the background, for which nobody waits, finds out whether it answers again. */
const LOOK_EVERY_MS = 500
/** Calls that fail ask who serves which slots now, and not all of them at once. */
const REFRESH_MOST_EVERY_MS = 200
const LATE = 'no answer in time'
const HANGS = 'hangs'
const UNREACHABLE = 'unreachable'
/** What a cluster says of who serves a slot; of these only the last is a fault. */
const ROUTING = ['MOVED', 'ASK', 'TRYAGAIN', 'CLUSTERDOWN']

/** Guards the calls on one connection. A time of trouble is logged once for each kind of it, and once when it is over. */
export function guardedCalls(redis: RedisConnection, logger: Logger): GuardedCalls {
  const shards = new Map<string, Shard>()
  /** The kinds of trouble that have been logged since all was well. */
  const told = new Set<string>()
  let refreshing: NodeJS.Timeout | undefined

  // A new connection says nothing of what the last one suffered from, and its own line is in the log.
  redis.on('ready', () => {
    for (const shard of shards.values()) {
      release(shard)
      if (shard.trouble === HANGS || shard.trouble === UNREACHABLE) shard.trouble = undefined
    }
    if (isWell()) told.clear()
  })
  if (redis instanceof Cluster) {
    // Who serves no slot any more is nobody's trouble.
    redis.on('refresh', () => {
      const servers = new Set(redis.slots.map((nodes) => nodes?.[0]))
      for (const shard of shards.values()) {
        if (servers.has(shard.server)) continue
        release(shard)
        shards.delete(shard.server)
      }
      tellIfOver()
    })
  }

  const isWell = () => [...shards.values()].every(({ trouble }) => trouble === undefined)

  function tellIfOver(): void {
    if (told.size === 0 || !isWell()) return
    told.clear()
    logger.warn({}, 'redis does its work again')
  }

  function suffers(shard: Shard, trouble: string, err?: Error): void {
    shard.trouble = trouble
    if (told.has(trouble)) return
    told.add(trouble)
    const what = trouble === HANGS || trouble === UNREACHABLE ? trouble : 'refuses'
    const described = what === UNREACHABLE ? `has a server that is ${what}` : what
    const fields = { ...(err && { err }), server: shard.server, advice: adviceOn(trouble) }
    logger.warn(fields, `redis ${described}: refreshing on postgres meanwhile`)
  }

  function shardOf(key: string): Shard {
    const server = redis instanceof Cluster ? serverOf(redis, key) : 'the only one'
    const known = shards.get(server)
    if (known) return known
    const shard: Shard = { server, late: 0, isHeld: false, timer: undefined, trouble: undefined }
    shards.set(server, shard)
    return shard
  }

  function hold(shard: Shard, key: string): void {
    shard.isHeld = true
    suffers(shard, HANGS)
    shard.timer ??= setTimeout(() => {
      shard.timer = undefined
      look(shard, key)
    }, LOOK_EVERY_MS).unref()
  }

  /** Only an answer ends the hold: in a cluster, the connection to a server that hangs is closed and made anew. */
  function look(shard: Shard, key: string): void {
    if (redis.status !== 'ready' || shards.get(shard.server) !== shard) return
    refresh()
    within(DEADLINE_MS, redis.hmget(key, 'g')).then(
      () => succeeded(shard),
      (error) => (isReply(error) ? succeeded(shard) : shard.isHeld && hold(shard, key)),
    )
  }

  function release(shard: Shard): void {
    clearTimeout(shard.timer)
    shard.timer = undefined
    shard.isHeld = false
    shard.late = 0
  }

  function succeeded(shard: Shard): void {
    release(shard)
    shard.trouble = undefined
    tellIfOver()
  }

  function failed(shard: Shard, key: string, error: unknown): void {
    if (!(error instanceof Error)) return
    if (error.message === LATE || error.message === 'Command timed out') {
      shard.late++
      if (shard.late >= LATE_UNTIL_HELD) hold(shard, key)
      return
    }
    const [code = ''] = error.message.split(' ')
    if (isReply(error)) {
      release(shard)
      suffers(shard, code, error)
      return
    }
    if (!(redis instanceof Cluster)) return // the connection itself is told of, and its end ends the calls
    refresh()
    if (code === 'CLUSTERDOWN') suffers(shard, code, error)
    else if (!ROUTING.includes(code)) suffers(shard, UNREACHABLE, error)
  }

  /** What is closed, moved or down in a cluster is found by asking who serves now. */
  function refresh(): void {
    if (!(redis instanceof Cluster) || refreshing) return
    redis.refreshSlotsCache()
    refreshing = setTimeout(() => {
      refreshing = undefined
    }, REFRESH_MOST_EVERY_MS).unref()
  }

  return {
    async run(key, call) {
      if (redis.status !== 'ready') throw new Error('not connected')
      const shard = shardOf(key)
      if (shard.isHeld) throw new Error('it did not answer a moment ago')
      try {
        const answer = await within(DEADLINE_MS, call())
        succeeded(shard)
        return answer
      } catch (error) {
        failed(shard, key, error)
        throw error
      }
    },

    trouble() {
      if (redis.status !== 'ready') return 'down'
      const all = [...shards.values()].flatMap(({ trouble }) => trouble ?? [])
      const refusal = all.find((trouble) => trouble !== HANGS && trouble !== UNREACHABLE)
      return refusal === undefined ? all[0] : `refuses the script: ${refusal} (${adviceOn(refusal)})`
    },
  }
}

/** An answer of the server in question, though it be no. */
function isReply(error: unknown): error is Error {
  if (!(error instanceof Error && error instanceof ReplyError)) return false
  return !ROUTING.includes(error.message.split(' ')[0] ?? '')
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
