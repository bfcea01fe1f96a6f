import type { ChildProcess } from 'node:child_process'
import type { Clock } from '../clock.ts'
import type { Logger } from '../telemetry/logger.ts'
import { driveHashChild, forkHashProcess, type HashChild } from './hash-child.ts'
import type { HashAnswer, HashRequest } from './hash-process.ts'

/** At most so many hash processes, each with at most one job. */
export interface HashPool {
  readonly running: number
  /**
   * Starts a job, or returns undefined when every process has one. The promise rejects when the process died; its place
   * stays taken until it is gone.
   */
  tryRun(request: HashRequest): Promise<HashAnswer> | undefined
  /** Ends processes that hang. To be called now and then while something runs. */
  endStuck(): void
  /** Finishes what runs and ends the processes. */
  close(): Promise<void>
}

export interface HashPoolOptions {
  readonly concurrency: number
  readonly clock: Clock
  readonly logger?: Logger | undefined
  readonly startProcess?: (() => ChildProcess) | undefined
}

/**
 * No accepted hash takes this long, not even the slowest (six seconds of a core) at low priority on a busy machine: the
 * process hangs.
 */
const MAX_RUN_MS = 120_000
/** After a process that died, the next one is started this much later; twice as long each time nothing got done between. */
const FIRST_RESTART_MS = 100
const LAST_RESTART_MS = 10_000

/** Starts with one process, so that the first login does not wait for one; the others are started when needed. */
export function startHashPool(options: HashPoolOptions): HashPool {
  const { concurrency, clock, logger, startProcess = forkHashProcess } = options
  const living = new Set<HashChild>()
  const idle: HashChild[] = []
  const busy = new Map<HashChild, number>()
  let deaths = 0
  let restartAt = 0
  let closed = false

  function startChild(): HashChild | undefined {
    if (closed || living.size >= concurrency || now() < restartAt) return undefined
    const child = driveHashChild(startProcess())
    living.add(child)
    void child.ended.then((how) => forget(child, how))
    return child
  }

  function forget(child: HashChild, how: string): void {
    living.delete(child)
    const position = idle.indexOf(child)
    if (position >= 0) idle.splice(position, 1)
    if (closed) return
    restartAt = now() + Math.min(FIRST_RESTART_MS * 2 ** deaths++, LAST_RESTART_MS)
    logger?.error({ how, deaths }, 'a hash process ended; another one takes its place')
  }

  async function run(child: HashChild, request: HashRequest): Promise<HashAnswer> {
    busy.set(child, now())
    try {
      const answer = await child.run(request)
      deaths = 0
      if (living.has(child)) idle.push(child)
      return answer
    } catch (error) {
      child.kill()
      throw error
    } finally {
      busy.delete(child)
      if (closed) child.dismiss()
    }
  }

  function now(): number {
    return clock.now().getTime()
  }

  const first = startChild()
  if (first !== undefined) idle.push(first)

  return {
    get running() {
      return busy.size
    },
    tryRun(request) {
      const child = idle.pop() ?? startChild()
      return child && run(child, request)
    },
    endStuck() {
      for (const [child, since] of busy) if (now() - since > MAX_RUN_MS) child.kill()
    },
    async close() {
      closed = true
      for (const child of idle) child.dismiss()
      await Promise.all([...living].map(({ ended }) => ended))
    },
  }
}
