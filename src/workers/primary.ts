import type { Clock } from '../clock.ts'
import type { Hasher } from '../passwords/hasher.ts'
import type { Logger } from '../telemetry/logger.ts'
import { type OneWorker, startWorker } from './one-worker.ts'

/** The processes that answer requests, all on one port. */
export interface Workers {
  /** Resolves when each of them listens. */
  readonly listening: Promise<void>
  /**
   * Lets each finish what it has.
   * @returns false when one of them could not
   */
  stop(): Promise<boolean>
  /** How often one that ended was replaced. */
  restarts(): number
  /** What each that listens says of itself, by its id; undefined where it did not say it soon. */
  metrics(): Promise<ReadonlyMap<number, object[] | undefined>>
}

/** The first worker ended before it listened; it has said why. */
export class WorkerDidNotStart extends Error {
  readonly exitCode: number

  constructor(exitCode: number) {
    super('the first worker did not start')
    this.name = 'WorkerDidNotStart'
    this.exitCode = exitCode
  }
}

/** After one that died, the next is started this much later; twice as long each time it dies young. */
const FIRST_PAUSE_MS = 100
const LAST_PAUSE_MS = 10_000
/** One that has lived so long did not die of how it started. */
const GROWN_UP_MS = 60_000

/**
 * Starts the workers and keeps them: one that ends is replaced, the others go on. The first is started alone: where the
 * configuration is wrong or the port is taken, it is said once.
 * @throws WorkerDidNotStart
 */
export async function startWorkers(parts: {
  count: number
  hasher: Hasher
  clock: Clock
  logger: Logger
}): Promise<Workers> {
  const { count, hasher, clock, logger } = parts
  const living = new Set<OneWorker>()
  let isStopping = false
  let restarts = 0
  let allFinished = true

  function start(): OneWorker {
    const worker = startWorker(hasher, clock)
    living.add(worker)
    void worker.ended.then(({ code }) => {
      living.delete(worker)
      if (isStopping) allFinished &&= code === 0
    })
    return worker
  }

  async function keep(first: OneWorker): Promise<void> {
    let worker = first
    for (let youngDeaths = 0; ; ) {
      const { how, ageMs } = await worker.ended
      if (isStopping) return
      if (ageMs > GROWN_UP_MS) youngDeaths = 0
      const pause = Math.min(FIRST_PAUSE_MS * 2 ** youngDeaths++, LAST_PAUSE_MS)
      logger.error({ how, ms: pause }, 'a worker ended; another one takes its place')
      await clock.wait(pause)
      if (isStopping) return
      restarts++
      worker = start()
    }
  }

  /** One that ends before it listens is replaced: then it is the next that is waited for. */
  async function untilAllListen(): Promise<void> {
    while (!isStopping && [...living].filter((worker) => worker.isListening()).length < count) {
      await Promise.race(
        [...living].filter((worker) => !worker.isListening()).map(({ listening }) => listening),
      )
      await clock.wait(FIRST_PAUSE_MS)
    }
  }

  const first = start()
  await first.listening
  if (!first.isListening()) throw new WorkerDidNotStart((await first.ended).code)
  for (const worker of [first, ...Array.from({ length: count - 1 }, start)]) void keep(worker)

  return {
    listening: untilAllListen(),
    async stop() {
      isStopping = true
      const ending = [...living]
      for (const worker of ending) worker.stop()
      await Promise.all(ending.map(({ ended }) => ended))
      return allFinished
    },
    restarts: () => restarts,
    async metrics() {
      const asked = [...living].filter((worker) => worker.isListening())
      return new Map(await Promise.all(asked.map(async (one) => [one.id, await one.metrics()] as const)))
    },
  }
}
