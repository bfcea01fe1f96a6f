import cluster, { type Worker } from 'node:cluster'
import { type Clock, monotonicMs } from '../clock.ts'
import type { Hasher } from '../passwords/hasher.ts'
import type { Logger } from '../telemetry/logger.ts'
import { hashForWorker } from './hash-for-workers.ts'
import type { FromPrimary, FromWorker } from './messages.ts'

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
 * Starts the workers and keeps them: one that ends is replaced, the others go on. Each is this program once more, with the
 * same arguments. The first is started alone: where the configuration is wrong or the port is taken, it is said once.
 * @throws WorkerDidNotStart
 */
export async function startWorkers({
  count,
  hasher,
  clock,
  logger,
}: {
  count: number
  hasher: Hasher
  clock: Clock
  logger: Logger
}): Promise<Workers> {
  const living = new Set<Worker>()
  let isStopping = false
  let restarts = 0
  let allFinished = true

  /** @returns when it listens (or ends before), and how it ended */
  function start() {
    const worker = cluster.fork()
    living.add(worker)
    const hash = hashForWorker(hasher, (message) => tell(worker, message))
    const listening = new Promise<void>((resolve) => {
      worker.on('message', (message: FromWorker) => {
        if (message?.keyturn === 'listening') resolve()
        else if (message?.keyturn === 'hash') hash(message)
      })
      worker.once('exit', () => resolve())
    })
    const ended = new Promise<{ code: number; how: string }>((resolve) => {
      worker.once('exit', (code, signal) => {
        living.delete(worker)
        resolve({ code: code ?? 1, how: signal ?? `exit code ${code}` })
      })
    })
    return { listening, ended }
  }

  async function keep(first: ReturnType<typeof start>): Promise<void> {
    let current = first
    let youngDeaths = 0
    for (;;) {
      const born = monotonicMs()
      const { code, how } = await current.ended
      if (isStopping) {
        allFinished &&= code === 0
        return
      }
      youngDeaths = monotonicMs() - born > GROWN_UP_MS ? 0 : youngDeaths
      const pause = Math.min(FIRST_PAUSE_MS * 2 ** youngDeaths++, LAST_PAUSE_MS)
      logger.error({ how, ms: pause }, 'a worker ended; another one takes its place')
      await clock.wait(pause)
      if (isStopping) return
      restarts++
      current = start()
    }
  }

  const first = start()
  await first.listening
  if (living.size === 0) throw new WorkerDidNotStart((await first.ended).code)
  const others = Array.from({ length: count - 1 }, start)
  const kept = Promise.all([first, ...others].map(keep))

  return {
    listening: Promise.all(others.map(({ listening }) => listening)).then(() => undefined),
    async stop() {
      isStopping = true
      for (const worker of living) tell(worker, { keyturn: 'stop' })
      // One that waits to be started again is not waited for.
      await Promise.race([kept, untilNone(living)])
      return allFinished
    },
    restarts: () => restarts,
  }
}

function tell(worker: Worker, message: FromPrimary): void {
  // One that is ending hears nothing any more, and nobody waits for what it asked.
  if (worker.isConnected()) worker.send(message, () => {})
}

async function untilNone(living: ReadonlySet<Worker>): Promise<void> {
  await Promise.all([...living].map((worker) => new Promise((resolve) => worker.once('exit', resolve))))
}
