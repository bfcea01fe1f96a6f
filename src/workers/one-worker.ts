import cluster, { type Worker } from 'node:cluster'
import { type Clock, monotonicMs } from '../clock.ts'
import type { Hasher } from '../passwords/hasher.ts'
import { hashForWorker } from './hash-for-workers.ts'
import type { FromPrimary, FromWorker } from './messages.ts'

/** One process that answers requests, as the primary sees it. */
export interface OneWorker {
  /** Counted from 1, never used again. */
  readonly id: number
  readonly isListening: () => boolean
  /** Resolves when it listens, or has ended. */
  readonly listening: Promise<void>
  /** Resolves with how it ended. */
  readonly ended: Promise<{ readonly code: number; readonly how: string; readonly ageMs: number }>
  /** Has it finish what it has, and end. */
  stop(): void
  /** Its metrics, as prom-client writes them; undefined where it does not answer soon. */
  metrics(): Promise<object[] | undefined>
}

/** Whoever scrapes waits ten seconds; a worker that is busy for longer than this is told of as it was. */
const METRICS_WAIT_MS = 1000

/** Starts one: this program once more, with the same arguments. */
export function startWorker(hasher: Hasher, clock: Clock): OneWorker {
  const born = monotonicMs()
  const worker = cluster.fork()
  const asked = new Map<number, (metrics: object[] | undefined) => void>()
  const hash = hashForWorker(hasher, (message) => tell(worker, message))
  let isListening = false
  let isUnneeded = false
  let lastQuestion = 0

  const ended = new Promise<{ code: number; how: string; ageMs: number }>((resolve) => {
    worker.once('exit', (code, signal) => {
      isListening = false
      for (const answer of asked.values()) answer(undefined)
      resolve({
        code: isUnneeded ? 0 : (code ?? 1),
        how: signal ?? `exit code ${code}`,
        ageMs: monotonicMs() - born,
      })
    })
  })
  const listening = new Promise<void>((resolve) => {
    worker.once('exit', () => resolve())
    worker.on('message', (message: Partial<FromWorker> | null) => {
      if (message?.keyturn === 'hash') hash(message as FromWorker)
      else if (message?.keyturn === 'metrics') asked.get(message.id ?? 0)?.(message.metrics)
      else if (message?.keyturn === 'listening') {
        isListening = true
        resolve()
      }
    })
  })

  return {
    id: worker.id,
    isListening: () => isListening,
    listening,
    ended,
    stop() {
      if (isListening) tell(worker, { keyturn: 'stop' })
      else {
        // It may not hear us yet, and nobody has asked it for anything.
        isUnneeded = true
        worker.process.kill('SIGKILL')
      }
    },
    async metrics() {
      const id = ++lastQuestion
      const answer = new Promise<object[] | undefined>((resolve) => asked.set(id, resolve))
      tell(worker, { keyturn: 'metrics', id })
      const metrics = await Promise.race([answer, clock.wait(METRICS_WAIT_MS).then(() => undefined)])
      asked.delete(id)
      return metrics
    },
  }
}

function tell(worker: Worker, message: FromPrimary): void {
  // One that is ending hears nothing any more, and nobody waits for what it asked.
  if (worker.isConnected()) worker.send(message, () => {})
}
