import type { Clock } from '../clock.ts'
import type { Logger } from '../telemetry/logger.ts'
import { type ChainKey, type ChainPoint, writePoint } from './chain.ts'
import { makeRemoving } from './removing.ts'
import type { Removal } from './retention.ts'
import type { KeyOf } from './verification.ts'
import { type ChainSight, makeWatch } from './watch.ts'

/** The end of the chain in the record, which is also its lock: whoever holds it appends. */
export interface AuditChain {
  /**
   * What the record shows, and how many rows wait for their place (counted up to 100 000). Locks nothing.
   * @param seen an end that was seen earlier, to be looked for
   */
  look(seen?: ChainPoint): Promise<ChainSight & { waiting: number }>
  /**
   * Gives up to a thousand of the oldest waiting rows their places, in one transaction: all of it or nothing.
   * @returns what there was before, under the lock, and `late`: the ids of rows that are more than an hour older than what they
   * were chained behind; `busy` when another node is at it: it will chain them
   */
  extend(
    key: ChainKey,
    seen?: ChainPoint,
  ): Promise<
    | { outcome: 'extended'; from: ChainSight; head: ChainPoint; rows: number; late: readonly string[] }
    | { outcome: 'busy' }
  >
}

/** What gives each audit row its place in the chain, soon after it was written, and removes old months. */
export interface Sequencer {
  /** Looks for rows that wait, twice a second. */
  start(): void
  /** Chains what waits, now. A failure is logged; what waits stays and is chained later, by this node or another. */
  run(): Promise<void>
  /** Ends the timer and what is under way, and chains what waits. */
  stop(): Promise<void>
  /** How many rows waited when this node last looked. */
  unchained(): number
}

/** A row is chained within a second, by the first node that looks. */
const PERIOD_MS = 500
/** How often the end of the chain is written to the log, where it outlives the database, and old months are looked for. */
const HOURLY_MS = 3_600_000

/**
 * Makes a sequencer. Any number of nodes may run one: the chain's lock keeps them apart, and nobody waits for it.
 * @param options.key what to chain with; throws Unavailable as long as it is not known: rows wait then
 * @param options.keyOf the keys of the chain, for what was removed as old
 * @param options.removeOldest removes a month that is old enough; ends early at the signal
 */
export function makeSequencer({
  chain,
  key,
  keyOf,
  removeOldest,
  clock,
  logger,
}: {
  chain: AuditChain
  key: () => ChainKey
  keyOf: KeyOf
  removeOldest: (signal: AbortSignal) => Promise<Removal>
  clock: Clock
  logger: Logger
}): Sequencer {
  const watch = makeWatch({ keyOf, logger })
  const removing = makeRemoving(removeOldest, clock, logger)
  let waiting = 0
  let reported: ChainPoint | undefined
  let hourlyAt: number | undefined
  let isFailing = false
  let running: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined

  async function chainAll(): Promise<void> {
    const found = await chain.look(watch.seen())
    waiting = found.waiting
    watch.see(found)
    while (waiting > 0) {
      const extended = await chain.extend(key(), watch.seen())
      if (extended.outcome === 'busy') return
      watch.see(extended.from)
      watch.moveTo(extended.head)
      const { late, rows } = extended
      if (late.length > 0) logger.warn({ ids: late }, 'audit rows were chained more than an hour late')
      if (rows === 0) return
      waiting = Math.max(0, waiting - rows)
    }
  }

  function everyHour(): void {
    const now = clock.now().getTime()
    if (hourlyAt !== undefined && Math.abs(now - hourlyAt) < HOURLY_MS) return
    hourlyAt = now
    reportHead()
    removing.begin()
  }

  function reportHead(): void {
    const seen = watch.seen()
    if (!seen || seen.position === 0 || seen.position === reported?.position) return
    logger.info({ head: writePoint(seen) }, 'the end of the audit log')
    reported = seen
  }

  async function runOnce(): Promise<void> {
    try {
      await chainAll()
      everyHour()
      if (isFailing) logger.info({}, 'audit rows are chained again')
      isFailing = false
    } catch (error) {
      if (!isFailing) logger.warn({ err: error, waiting }, 'audit rows are not chained yet')
      isFailing = true
    }
  }

  function run(): Promise<void> {
    running ??= runOnce().finally(() => {
      running = undefined
    })
    return running
  }

  return {
    start() {
      timer ??= setInterval(run, PERIOD_MS).unref()
    },
    run,
    async stop() {
      clearInterval(timer)
      timer = undefined
      await Promise.all([running, removing.stop()])
      await run()
      reportHead()
    },
    unchained: () => waiting,
  }
}
