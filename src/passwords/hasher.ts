import { Unavailable } from '../unavailable.ts'
import { saysNoPassword } from './all-formats.ts'
import { type HashPoolOptions, startHashPool } from './hash-pool.ts'
import type { HashAnswer, HashRequest } from './hash-process.ts'
import type { Verification } from './password-hash.ts'
import { isPossiblePassword } from './password-rules.ts'

/** Hashes and checks passwords in processes of their own, a bounded number at a time. */
export interface Hasher {
  /**
   * A new hash, to be stored. The password has passed `checkNewPassword`.
   * @throws Unavailable when too much is waiting already, or the process died
   */
  hash(password: string): Promise<string>
  /**
   * Checks a password. It costs one hash whatever is wrong, so that the time does not tell; only a password that nobody can
   * have (over 1024 bytes, NUL, empty) is a mismatch at once.
   * @param stored undefined where there is no such user, or no password
   * @param noteStart told when the wait is over and the hash begins, whatever hash it is
   * @throws Unavailable when too much is waiting already, or the process died
   */
  verify(password: string, stored: string | undefined, noteStart?: () => void): Promise<Verification>
  stats(): HasherStats
  /** Refuses what waits and what comes, finishes what runs, and ends the processes. */
  close(): Promise<void>
}

/** For metrics. */
export interface HasherStats {
  readonly running: number
  readonly queued: number
  /** Since the start: jobs done, and jobs refused because too much was waiting. */
  readonly done: number
  readonly shed: number
}

export interface HasherOptions extends HashPoolOptions {
  /** How many jobs may wait; at least 1. */
  readonly queueLimit?: number
}

/** A hash of ours takes 50 to 100 ms: whoever waits behind more would be shed for waiting too long anyway. */
const QUEUE_PER_PROCESS = 16
/** People give up and press the button again: a login that waited longer than this is work for nobody. */
const MAX_WAIT_MS = 2000
const RETRY_AFTER_SECONDS = MAX_WAIT_MS / 1000
const SWEEP_MS = 500

interface Job {
  readonly request: HashRequest
  readonly since: number
  readonly noteStart: (() => void) | undefined
  resolve(answer: HashAnswer): void
  reject(error: Unavailable): void
}

/**
 * Starts the processes and their queue.
 *
 * A job keeps its place until the hash ends, even when nobody waits for it any more: places that were given back early
 * would let more than `concurrency` run.
 */
export function startHasher(options: HasherOptions): Hasher {
  const queue = startQueue(options)
  return {
    async hash(password) {
      const answer = await queue.submit({ task: 'hash', password })
      if ('hash' in answer) return answer.hash
      throw new Unavailable('hasher', 'no hash was made', { cause: answer })
    },

    async verify(password, stored, noteStart) {
      if (!isPossiblePassword(password)) return { outcome: 'mismatch' }
      const answer = await queue.submit({ task: 'verify', password, stored }, noteStart)
      if (!('verification' in answer)) throw new Unavailable('hasher', 'no answer', { cause: answer })
      if (answer.verification.outcome === 'unusable' && !saysNoPassword(stored ?? '')) {
        options.logger?.warn(
          {},
          'a stored password hash cannot be used: its user must be given a new password',
        )
      }
      return answer.verification
    },

    stats: queue.stats,
    close: queue.close,
  }
}

function startQueue({ queueLimit, ...options }: HasherOptions) {
  const { clock, concurrency } = options
  const pool = startHashPool(options)
  const limit = queueLimit ?? concurrency * QUEUE_PER_PROCESS
  const waiting: Job[] = []
  let done = 0
  let shed = 0
  let sweeping = false
  let closed = false

  function dispatch(): void {
    for (let job = waiting[0]; job !== undefined; job = waiting[0]) {
      const answer = pool.tryRun(job.request)
      if (answer === undefined) return
      waiting.shift()
      job.noteStart?.()
      void settle(job, answer)
    }
  }

  async function settle(job: Job, answer: Promise<HashAnswer>): Promise<void> {
    try {
      job.resolve(await answer)
      done++
    } catch (cause) {
      job.reject(new Unavailable('hasher', 'the hash was not finished', { cause }))
    }
    dispatch()
  }

  function shedOverdue(): void {
    const latest = clock.now().getTime() - MAX_WAIT_MS
    for (let job = waiting[0]; job !== undefined && job.since < latest; job = waiting[0]) {
      waiting.shift()
      shed++
      job.reject(overloaded('waited too long'))
    }
  }

  /** While there is work: refuses what waited too long, and starts processes whose time has come. */
  async function sweep(): Promise<void> {
    if (sweeping) return
    sweeping = true
    while (waiting.length > 0 || pool.running > 0) {
      await clock.wait(SWEEP_MS)
      shedOverdue()
      pool.endStuck()
      dispatch()
    }
    sweeping = false
  }

  return {
    async submit(request: HashRequest, noteStart?: () => void): Promise<HashAnswer> {
      if (closed) throw new Unavailable('hasher', 'closed')
      shedOverdue()
      if (waiting.length >= limit) {
        shed++
        throw overloaded('queue full')
      }
      return new Promise((resolve, reject) => {
        waiting.push({ request, since: clock.now().getTime(), noteStart, resolve, reject })
        dispatch()
        void sweep()
      })
    },

    stats: (): HasherStats => ({ running: pool.running, queued: waiting.length, done, shed }),

    async close(): Promise<void> {
      closed = true
      for (const job of waiting.splice(0)) job.reject(new Unavailable('hasher', 'closed'))
      await pool.close()
    },
  }
}

function overloaded(reason: string): Unavailable {
  return new Unavailable('hasher', reason, { retryAfterSeconds: RETRY_AFTER_SECONDS })
}
