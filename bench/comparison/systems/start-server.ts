import { setTimeout as delay } from 'node:timers/promises'
import { type Guarded, startGuard } from '../../../test/support/guard.ts'

/** A server of ours that answers. */
export interface StartedServer {
  readonly pid: number
  readonly origin: string
  output(): string
  stop(): Promise<void>
}

export interface ServerToStart {
  readonly command: string
  readonly arguments: readonly string[]
  /** Its whole environment, besides PATH and HOME. */
  readonly environment: Readonly<Record<string, string>>
  readonly directory: string
  readonly port: number
  /** What answers 200 once it is ready. */
  readonly readyPath: string
}

const START_TIMEOUT_MS = 90_000
const POLL_MS = 100

/**
 * Starts a server that ends when we do, however we end.
 * @throws Error with its output when it ends before it answers, or takes too long
 */
export async function startServer(server: ServerToStart): Promise<StartedServer> {
  const { PATH, HOME } = process.env
  const guarded: Guarded = await startGuard({
    command: server.command,
    arguments: server.arguments,
    environment: { PATH, HOME, ...server.environment },
    directory: server.directory,
    removeDirectory: false,
    stopSignal: 'TERM',
    user: {},
  })
  const origin = `http://127.0.0.1:${server.port}`
  const output = () => guarded.stdout() + guarded.stderr()
  let hasEnded = false
  const noteEnd = () => {
    hasEnded = true
  }
  guarded.ended.then(noteEnd, noteEnd)
  for (const deadline = performance.now() + START_TIMEOUT_MS; ; await delay(POLL_MS)) {
    const answer = await fetch(origin + server.readyPath).catch(() => undefined)
    await answer?.arrayBuffer()
    if (answer?.ok) return { pid: guarded.pid, origin, output, stop: guarded.stop }
    if (hasEnded || performance.now() > deadline) {
      await guarded.stop()
      throw new Error(`${server.command} ${server.arguments.join(' ')} does not answer:\n${output()}`)
    }
  }
}
