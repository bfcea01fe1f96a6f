import { type Guarded, type GuardedCommand, startGuard } from './guard.ts'
import { serverUser } from './server-user.ts'

/** A server of the tests' own. */
export interface GuardedProcess {
  /** The server's own process id. */
  readonly pid: number
  /** The end of what it has printed so far. */
  output(): string
  /** Asks it to stop, and resolves when it has: at the latest after five seconds, with SIGKILL. */
  stop(): Promise<void>
  /** SIGKILL, as in a power cut; resolves when it is gone. */
  kill(): Promise<void>
  /** Stops it from running at all (SIGSTOP): it neither answers nor refuses. */
  pause(): void
  /** Undoes `pause`. */
  resume(): void
}

export interface ServerCommand extends Omit<GuardedCommand, 'user'> {
  /** What it prints once it can be used. */
  readonly ready: RegExp
}

/** A server on a busy machine, with its first start still to do. */
const START_TIMEOUT_MS = 60_000

/**
 * Starts a server as the unprivileged user and resolves once it says that it is ready.
 * @throws Error with the end of its output when it ends before that, or takes too long
 */
export async function startGuarded(server: ServerCommand): Promise<GuardedProcess> {
  const environment = { PATH: process.env['PATH'], HOME: server.directory, LC_ALL: 'C', TZ: 'GMT' }
  const guarded = await startGuard({
    ...server,
    environment: { ...environment, ...server.environment },
    user: serverUser(),
  })
  const output = () => guarded.stdout() + guarded.stderr()
  if (!(await becomesReady(guarded, () => server.ready.test(output())))) {
    await guarded.stop()
    throw new Error(`${server.command} did not start:\n${output()}`)
  }
  return {
    pid: guarded.pid,
    output,
    stop: guarded.stop,
    async kill() {
      guarded.signal('SIGKILL')
      await guarded.ended
    },
    pause: () => guarded.signal('SIGSTOP'),
    resume: () => guarded.signal('SIGCONT'),
  }
}

async function becomesReady(guarded: Guarded, isReady: () => boolean): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const ready = new Promise<boolean>((resolve) => {
    guarded.onOutput(() => isReady() && resolve(true))
    if (isReady()) resolve(true)
    timer = setTimeout(() => resolve(false), START_TIMEOUT_MS)
  })
  const isUp = await Promise.race([ready, guarded.ended.then(() => false)])
  clearTimeout(timer)
  return isUp
}
