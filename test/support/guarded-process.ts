import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { serverUser } from './server-user.ts'

/** A server that stops when we do, however we end. */
export interface GuardedProcess {
  /** The server's own process id. */
  readonly pid: number
  /** The end of what it has printed so far. */
  output(): string
  /** Asks it to stop, and resolves when it has, at the latest after five seconds with SIGKILL. */
  stop(): Promise<void>
  /** SIGKILL, as in a power cut; resolves when it is gone. */
  kill(): Promise<void>
  /** Stops it from running at all (SIGSTOP): it neither answers nor refuses. */
  pause(): void
  /** Undoes `pause`. */
  resume(): void
}

export interface ServerCommand {
  readonly command: string
  readonly arguments: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  /** Its working directory. */
  readonly directory: string
  /** Whether the directory is removed when the server has ended. */
  readonly removeDirectory: boolean
  readonly stopSignal: 'TERM' | 'INT'
  /** What it prints once it can be used. */
  readonly ready: RegExp
}

/**
 * Runs the server beside a reader of our pipe. When the pipe closes, because we asked for it or because this process
 * died, even by SIGKILL, the server is told to stop, then made to; the last act removes its directory.
 * Arguments: the directory to remove or nothing, the signal, then the server's command line.
 */
const GUARD = `
directory=$1 signal=$2; shift 2
exec 3<&0
"$@" </dev/null >&2 3<&- &
server=$!
echo $server
(
  read -r line <&3
  kill -CONT $server; kill -$signal $server
  tenths=0
  while [ $tenths -lt 50 ]; do kill -0 $server || exit; sleep 0.1; tenths=$((tenths + 1)); done
  kill -KILL $server
) >/dev/null 2>&1 &
watcher=$!
wait $server; status=$?
kill $watcher 2>/dev/null
[ -z "$directory" ] || rm -rf "$directory" 2>/dev/null || { sleep 0.3; rm -rf "$directory"; }
exit $status
`
/** By this scripts/test.mjs sees that a guard of its run has not finished; the environment of another user's process is hidden. */
const GUARD_NAME = `KEYTURN_TEST_RUN=${process.env['KEYTURN_TEST_RUN'] ?? ''}`
const KEPT_OUTPUT = 20_000
/** A server on a busy machine, with its first start still to do. */
const START_TIMEOUT_MS = 60_000

/**
 * Starts a server as the unprivileged user and resolves once it says that it is ready.
 * @throws Error with the end of its output when it ends before that, or takes too long
 */
export async function startGuarded(server: ServerCommand): Promise<GuardedProcess> {
  const guard = spawn(
    '/bin/sh',
    [
      '-c',
      GUARD,
      GUARD_NAME,
      server.removeDirectory ? server.directory : '',
      server.stopSignal,
      server.command,
      ...server.arguments,
    ],
    {
      cwd: server.directory,
      env: {
        PATH: process.env['PATH'],
        HOME: server.directory,
        LC_ALL: 'C',
        TZ: 'GMT',
        ...server.environment,
      },
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true, // a Ctrl-C is for the runner, which then closes the pipe
      ...serverUser(),
    },
  )
  let output = ''
  let report: (ready: boolean) => void = () => {}
  const ready = new Promise<boolean>((resolve) => {
    report = resolve
  })
  const gone = new Promise<void>((resolve) => {
    guard.once('close', () => resolve())
    guard.once('error', (error) => {
      output += String(error)
      resolve()
    })
  }).then(() => report(false))
  const printedPid = once(guard.stdout, 'data').then(([line]) => Number.parseInt(String(line), 10))
  guard.stdin.on('error', () => {}) // the guard ended first
  guard.stderr.setEncoding('utf8').on('data', (text: string) => {
    output = (output + text).slice(-KEPT_OUTPUT)
    if (server.ready.test(output)) report(true)
  })
  const timer = setTimeout(() => report(false), START_TIMEOUT_MS)

  const isReady = await ready
  clearTimeout(timer)
  async function stop() {
    guard.stdin.end()
    await gone
  }
  if (!isReady) {
    await stop()
    throw new Error(`${server.command} did not start:\n${output}`)
  }
  const pid = await printedPid
  return {
    pid,
    output: () => output,
    stop,
    async kill() {
      if (guard.exitCode === null) process.kill(pid, 'SIGKILL')
      await gone
    },
    pause: () => void process.kill(pid, 'SIGSTOP'),
    resume: () => void process.kill(pid, 'SIGCONT'),
  }
}
