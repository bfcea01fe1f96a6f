import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { ServerUser } from './server-user.ts'

/** A child that stops when we do, however we end. */
export interface Guarded {
  /** The child's own process id. */
  readonly pid: number
  /** The end of what it has printed so far. */
  stdout(): string
  stderr(): string
  /** Calls `look` whenever it has printed something. */
  onOutput(look: () => void): void
  /** Resolves with its exit code (128 + n after signal n) once it has ended and been cleaned up after. */
  readonly ended: Promise<number>
  /** Asks it to stop, and resolves when it has: at the latest after five seconds, with SIGKILL. */
  stop(): Promise<void>
  /** Sends it a signal; nothing where it has ended. */
  signal(name: NodeJS.Signals): void
}

export interface GuardedCommand {
  readonly command: string
  readonly arguments: readonly string[]
  readonly environment: NodeJS.ProcessEnv
  /** Its working directory. */
  readonly directory: string
  /** Whether the directory is removed when the child has ended. */
  readonly removeDirectory: boolean
  readonly stopSignal: 'TERM' | 'INT'
  readonly user: ServerUser
}

/**
 * Runs the child beside a reader of our pipe. When the pipe closes, because we asked for it or because this process
 * died, even by SIGKILL, the child is told to stop, then made to; the last act removes its directory.
 * Arguments: the directory to remove or nothing, the signal, then the command line. Prints the process id to 3,
 * and nothing more: a word to a runner that is gone would end it before its work is done.
 */
const GUARD = `
directory=$1 signal=$2; shift 2
exec 4<&0
"$@" </dev/null 3>&- 4<&- &
child=$!
echo $child >&3
exec 3>&- >/dev/null 2>&1
(
  read -r line <&4
  kill -CONT $child; kill -$signal $child
  tenths=0
  while [ $tenths -lt 50 ]; do kill -0 $child || exit; sleep 0.1; tenths=$((tenths + 1)); done
  kill -KILL $child
) &
watcher=$!
wait $child; status=$?
kill $watcher
[ -z "$directory" ] || rm -rf "$directory" || { sleep 0.3; rm -rf "$directory"; }
exit $status
`
/** scripts/test.mjs looks for it: the environment of another user's process is hidden from it. */
const NAME = `KEYTURN_TEST_RUN=${process.env['KEYTURN_TEST_RUN'] ?? ''}`
const KEPT_OUTPUT = 100_000

/**
 * Starts a child under a guard.
 * @throws Error when the guard cannot be started, for example as the user asked for
 */
export async function startGuard(child: GuardedCommand): Promise<Guarded> {
  const removed = child.removeDirectory ? child.directory : ''
  const commandLine = [removed, child.stopSignal, child.command, ...child.arguments]
  const guard = spawn('/bin/sh', ['-c', GUARD, NAME, ...commandLine], {
    cwd: child.directory,
    env: child.environment,
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    detached: true, // a Ctrl-C is for the runner, which then closes the pipe
    ...child.user,
  })
  const ended = once(guard, 'close').then(([code]) => Number(code))
  ended.catch(() => {}) // it could not be started: `once` below says so
  const output = { stdout: '', stderr: '' }
  const looks: (() => void)[] = []
  for (const name of ['stdout', 'stderr'] as const) {
    guard[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] = (output[name] + text).slice(-KEPT_OUTPUT)
      for (const look of looks) look()
    })
  }
  guard.stdin.on('error', () => {}) // the guard ended first
  await once(guard, 'spawn')
  const [line] = await once(guard.stdio[3] as NodeJS.ReadableStream, 'data')
  const pid = Number.parseInt(String(line), 10)
  return {
    pid,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    onOutput: (look) => void looks.push(look),
    ended,
    async stop() {
      guard.stdin.end()
      await ended
    },
    signal(name) {
      try {
        if (guard.exitCode === null) process.kill(pid, name)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
      }
    },
  }
}
