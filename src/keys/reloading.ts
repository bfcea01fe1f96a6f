import type { Clock } from '../clock.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { KeySchedule } from './schedule.ts'
import { SealingKeyProblem } from './sealing-key.ts'

/** What was read last, and what can be said about the time since. */
export interface Reading<T> {
  readonly value: T
  /** The database's time now, whatever this machine's clock shows. */
  databaseNow(): Date
  /** How long ago it was read, in seconds; the distance where this machine's clock was set back since. */
  ageSeconds(): number
}

/** A value from the database, kept in memory and read again every so often. */
export interface Reloading<T> {
  /** What was read last; undefined before the first success. */
  latest(): Reading<T> | undefined
  /**
   * Reads again. What was committed before the call is seen after it; calls that overlap share a reading. When it
   * fails, what was read before stays.
   */
  reload(): Promise<void>
  /**
   * Reads, and goes on reading every reload period without keeping the process alive. A database that does not answer
   * yet is no error: it is logged, and asked again.
   * @throws SealingKeyProblem when what was read cannot be opened: waiting does not help
   */
  start(): Promise<void>
  stop(): void
}

/**
 * Keeps what `read` returns. The difference between the database's clock and this machine's is measured at each
 * reading, so that decisions about keys follow the database's clock on every node.
 * @param options.read one query; what it returns carries the database's time
 * @param options.accept makes the value to keep of it, given the one kept so far
 * @param options.onRead what to do after each reading by the timer that succeeded
 * @param options.what is read, for the log
 */
export function reloading<Read extends { now: Date }, T>({
  read,
  accept,
  onRead = () => {},
  what,
  clock,
  schedule,
  logger,
}: {
  read: () => Promise<Read>
  accept: (read: Read, before: T | undefined) => Promise<T>
  onRead?: () => void
  what: string
  clock: Clock
  schedule: KeySchedule
  logger: Logger
}): Reloading<T> {
  let latest: Reading<T> | undefined
  let running: Promise<void> | undefined
  let following: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined

  async function readOnce(): Promise<void> {
    const askedAt = clock.now().getTime()
    const answer = await read()
    const answeredAt = clock.now().getTime()
    const tookSeconds = Math.abs(answeredAt - askedAt) / 1000
    // The offset is known to half of this; the rules allow for a skew, not for more.
    if (tookSeconds > schedule.clockSkewSeconds) {
      throw new Error(`the database took ${tookSeconds} s to answer: its time is not known well enough`)
    }
    const offset = answer.now.getTime() - (askedAt + answeredAt) / 2
    const value = await accept(answer, latest?.value)
    latest = {
      value,
      databaseNow: () => new Date(clock.now().getTime() + offset),
      ageSeconds: () => Math.abs(clock.now().getTime() - askedAt) / 1000,
    }
  }

  function run(): Promise<void> {
    running = readOnce().finally(() => {
      running = undefined
    })
    return running
  }

  /** A reading under way may have begun before what the caller wants to see: it gets the one after. */
  function reload(): Promise<void> {
    if (running === undefined) return run()
    following ??= running
      .catch(() => {})
      .then(() => {
        following = undefined
        return running ?? run()
      })
    return following
  }

  function report(error: unknown): void {
    const level = error instanceof SealingKeyProblem ? 'error' : 'warn'
    logger[level]({ err: error }, `the ${what} were not read`)
  }

  return {
    latest: () => latest,
    reload,
    async start() {
      await reload().catch((error) => {
        if (error instanceof SealingKeyProblem) throw error
        report(error)
      })
      timer ??= setInterval(() => {
        if (running === undefined) run().then(onRead, report)
      }, schedule.reloadPeriodSeconds * 1000).unref()
    },
    stop() {
      clearInterval(timer)
      timer = undefined
    },
  }
}
