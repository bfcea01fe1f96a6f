import type { Clock } from '../clock.ts'
import type { Logger } from '../telemetry/logger.ts'
import { type ChainKey, type ChainPoint, writePoint } from './chain.ts'
import type { Removal } from './retention.ts'

/** The end of the chain in the record, which is also its lock: whoever holds it appends. */
export interface AuditChain {
  /** The end of the chain, and how many rows wait for their place (counted up to 100 000). Locks nothing. */
  look(): Promise<{ head: ChainPoint; waiting: number }>
  /**
   * Gives up to a thousand of the oldest waiting rows their places, in one transaction: all of it or nothing.
   * @returns `busy` when another node is at it: it will chain them
   */
  extend(
    key: ChainKey,
  ): Promise<{ outcome: 'extended'; head: ChainPoint; rows: number } | { outcome: 'busy' }>
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
 * @param options.removeOldest removes a month that is old enough
 */
export function makeSequencer({
  chain,
  key,
  removeOldest,
  clock,
  logger,
}: {
  chain: AuditChain
  key: () => ChainKey
  removeOldest: () => Promise<Removal>
  clock: Clock
  logger: Logger
}): Sequencer {
  let waiting = 0
  let seen: ChainPoint | undefined
  let reported: ChainPoint | undefined
  let hourlyAt: number | undefined
  let isFailing = false
  let running: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined

  async function chainAll(): Promise<void> {
    const found = await chain.look()
    waiting = found.waiting
    see(found.head)
    while (waiting > 0) {
      const extended = await chain.extend(key())
      if (extended.outcome === 'busy' || extended.rows === 0) return
      waiting = Math.max(0, waiting - extended.rows)
      see(extended.head)
    }
  }

  /** The chain only grows. One that has become shorter was cut together with its head, or restored from a copy. */
  function see(head: ChainPoint): void {
    const wentBack =
      seen &&
      (head.position < seen.position || (head.position === seen.position && !head.mac.equals(seen.mac)))
    if (seen && wentBack) {
      logger.error({ was: writePoint(seen), is: writePoint(head) }, 'the audit log was cut or replaced')
    }
    seen = head
  }

  async function everyHour(): Promise<void> {
    const now = clock.now().getTime()
    if (hourlyAt !== undefined && Math.abs(now - hourlyAt) < HOURLY_MS) return
    hourlyAt = now
    reportHead()
    const removal = await removeOldest()
    if (removal.outcome === 'removed')
      logger.info({ through: removal.through }, 'old audit rows were removed')
    if (removal.outcome === 'damaged') {
      const { findings } = removal
      logger.error({ findings }, 'old audit rows are not removed: run keyturn audit verify')
    }
  }

  function reportHead(): void {
    if (!seen || seen.position === 0 || seen.position === reported?.position) return
    logger.info({ head: writePoint(seen) }, 'the end of the audit log')
    reported = seen
  }

  async function runOnce(): Promise<void> {
    try {
      await chainAll()
      await everyHour()
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
      await running
      await run()
      reportHead()
    },
    unchained: () => waiting,
  }
}
