import { setTimeout as delay } from 'node:timers/promises'
import { type Guarded, startGuard } from '../support/guard.ts'
import { freePort } from '../support/ports.ts'
import type { Build } from './builds.ts'
import { type Link, openLink } from './proxy.ts'

/** A Keyturn node: a process of its own, reached through a link of its own. */
export interface Node {
  readonly name: string
  /** Where clients find it: through `link`. */
  readonly origin: string
  /** Where it really listens; for looking behind the link. */
  readonly directOrigin: string
  readonly link: Link
  /** Starts it, or starts it again, and resolves when it listens or has ended. */
  start(more?: { build?: Build; failpoint?: string }): Promise<void>
  /** Sends a signal; a node that is gone does not mind. */
  signal(name: NodeJS.Signals): void
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>
  isRunning(): boolean
  /** Stops it as an orchestrator does. @returns the exit code */
  terminate(): Promise<number>
  /** What it said last, for a report. */
  output(): string
  /** Ends it and its link. */
  close(): Promise<void>
}

export interface NodeOptions {
  readonly name: string
  readonly build: Build
  readonly environment: Readonly<Record<string, string>>
  /** Its working directory. */
  readonly directory: string
  /** Called when it ends by itself: unless a failpoint was to kill it, it must not. */
  readonly onUnexpectedEnd: (code: number) => void
}

const START_TIMEOUT_MS = 20_000
const POLL_MS = 20

/** A node that is not started yet. */
export async function makeNode(options: NodeOptions): Promise<Node> {
  const port = await freePort()
  const metricsPort = await freePort()
  const link = await openLink(port)
  const directOrigin = `http://127.0.0.1:${port}`
  let process_: Guarded | undefined
  let isEndExpected = false
  let lastOutput = ''

  async function start({ build = options.build, failpoint = '' } = {}): Promise<void> {
    isEndExpected = failpoint !== ''
    const guarded = await startGuard({
      command: process.execPath,
      arguments: [build.program, 'serve'],
      environment: {
        ...environment(),
        ...options.environment,
        KEYTURN_PORT: String(port),
        KEYTURN_WORKERS: '1',
        KEYTURN_METRICS_PORT: String(metricsPort),
        KEYTURN_TEST_FAILPOINT: failpoint,
      },
      directory: options.directory,
      removeDirectory: false,
      stopSignal: 'TERM',
      user: {},
    })
    process_ = guarded
    guarded.ended.then(
      (code) => {
        if (process_ !== guarded) return
        lastOutput = guarded.stdout() + guarded.stderr()
        process_ = undefined
        if (!isEndExpected) options.onUnexpectedEnd(code)
      },
      () => {},
    )
    const deadline = performance.now() + START_TIMEOUT_MS
    while (process_ === guarded && performance.now() < deadline) {
      const answer = await fetch(`${directOrigin}/livez`).catch(() => undefined)
      if (answer?.ok) return
      await delay(POLL_MS)
    }
  }

  async function end(signal: NodeJS.Signals): Promise<number> {
    const running = process_
    if (!running) return 0
    isEndExpected = true
    running.signal(signal)
    const code = await running.ended
    process_ = undefined
    return code
  }

  const output = () => {
    if (process_) lastOutput = process_.stdout() + process_.stderr()
    return lastOutput
  }
  return {
    name: options.name,
    origin: `http://127.0.0.1:${link.port}`,
    directOrigin,
    link,
    start,
    signal: (name) => process_?.signal(name),
    kill: async () => void (await end('SIGKILL')),
    isRunning: () => process_ !== undefined,
    terminate: () => end('SIGTERM'),
    output,
    async close() {
      await end('SIGKILL')
      await link.close()
    },
  }
}

/** Nothing of ours from outside, except by what scripts/test.mjs knows its processes. */
function environment(): NodeJS.ProcessEnv {
  const outer = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('KEYTURN_') && name !== 'NODE_ENV' && name !== 'NODE_OPTIONS',
  )
  const run = process.env['KEYTURN_TEST_RUN']
  return { ...Object.fromEntries(outer), ...(run !== undefined && { KEYTURN_TEST_RUN: run }) }
}
