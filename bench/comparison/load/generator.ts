import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Order, RunResult, Session, Stream } from './protocol.ts'

/** The load generator, as whoever measures sees it. */
export interface Generator {
  readonly pid: number
  /** Gives it the sessions of a system, which it renews from then on. */
  keep(system: string, sessions: readonly Session[]): Promise<void>
  /**
   * Runs streams at once.
   * @param onStart called when all is prepared and the time begins to run
   * @throws Error where it does not answer in time
   */
  run(
    system: string,
    origin: string,
    streams: readonly Stream[],
    seconds: number,
    onStart: () => void,
  ): Promise<RunResult>
  stop(): void
}

interface Message {
  readonly started?: true
  readonly result?: RunResult
  readonly error?: string
}

const PROGRAM = fileURLToPath(new URL('./generate.child.ts', import.meta.url))
/** Preparing, the backlog and the last answers. */
const GRACE_MS = 60_000

/** Starts one; it ends when `stop` is called, or with this process. */
export function startGenerator(): Generator {
  const child = fork(PROGRAM, {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  if (child.pid === undefined) throw new Error('the load generator did not start')
  return {
    pid: child.pid,
    keep: async (system, sessions) => void (await order(child, { kind: 'sessions', system, sessions }, 0)),
    async run(system, origin, streams, seconds, onStart) {
      const result = await order(child, { kind: 'run', system, origin, streams, seconds }, seconds, onStart)
      if (!result) throw new Error('the load generator ran nothing')
      return result
    },
    stop: () => void child.kill(),
  }
}

function order(
  child: ChildProcess,
  what: Order,
  seconds: number,
  onStart = () => {},
): Promise<RunResult | undefined> {
  return new Promise((resolve, reject) => {
    const settle = (then: () => void) => {
      clearTimeout(timer)
      child.off('message', hear)
      child.off('exit', end)
      then()
    }
    const hear = ({ started, result, error }: Message) => {
      if (started) return onStart()
      settle(() => (error === undefined ? resolve(result) : reject(new Error(error))))
    }
    const end = () => settle(() => reject(new Error('the load generator ended')))
    const timer = setTimeout(
      () => settle(() => reject(new Error('the load takes too long'))),
      seconds * 1000 + GRACE_MS,
    )
    child.on('message', hear).on('exit', end)
    child.send(what)
  })
}
