import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Guarded, startGuard } from './guard.ts'
import { freePort } from './ports.ts'
import { afterwards } from './root-hooks.ts'
import { startOnFreePort } from './running-server.ts'
import { sharedServer } from './shared-servers.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** The built program. */
export const KEYTURN_PROGRAM = join(ROOT, 'dist/src/cli/main.js')
const READY_TIMEOUT_MS = 60_000
const COMMAND_TIMEOUT_MS = 60_000
const POLL_MS = 25

/** What is tested is what people run: the built program, brought up to date before the first test. */
sharedServer(async () => {
  await promisify(execFile)(process.execPath, [join(ROOT, 'scripts/build.mjs')])
  return { stop: async () => {} }
})

export interface KeyturnOptions {
  /** Added to an environment that has no `KEYTURN_…` of its own but free ports. */
  readonly env?: Readonly<Record<string, string>>
  /** Where relative paths (`.keyturn`, `keys`) lead; otherwise a new directory, removed afterwards. */
  readonly cwd?: string
  /** More arguments. */
  readonly args?: readonly string[]
}

/** A `keyturn serve` of one's own. */
export interface KeyturnProcess {
  readonly pid: number
  readonly origin: string
  readonly metricsOrigin: string
  /** Its working directory. */
  readonly directory: string
  stdout(): string
  stderr(): string
  signal(name: NodeJS.Signals): void
  /** Sends a signal, SIGTERM unless another is named, and resolves with the exit code (128 + n when it died of one). */
  stop(signal?: NodeJS.Signals): Promise<number>
}

/**
 * Starts the built server as a process of its own and resolves when `/readyz` says 200. It is killed after the test (or,
 * when started outside one, at the end of the run), and also when the run is.
 * @throws Error with its output when it ends before that
 */
export async function startKeyturn(options: KeyturnOptions = {}): Promise<KeyturnProcess> {
  const directory = options.cwd ?? makeDirectory()
  return startOnFreePort(undefined, async (free) => {
    const port = options.env?.['KEYTURN_PORT'] ?? String(free)
    const metricsPort = options.env?.['KEYTURN_METRICS_PORT'] ?? String(await freePort())
    const guarded = await startGuard({
      command: process.execPath,
      arguments: [KEYTURN_PROGRAM, 'serve', ...(options.args ?? [])],
      environment: environment({ KEYTURN_PORT: port, KEYTURN_METRICS_PORT: metricsPort, ...options.env }),
      directory,
      removeDirectory: false,
      stopSignal: 'TERM',
      user: {},
    })
    afterwards(async () => {
      guarded.signal('SIGKILL')
      await guarded.ended
    })
    const origin = `http://127.0.0.1:${port}`
    await becomesReady(guarded, origin)
    return {
      pid: guarded.pid,
      origin,
      metricsOrigin: `http://127.0.0.1:${metricsPort}`,
      directory,
      stdout: guarded.stdout,
      stderr: guarded.stderr,
      signal: guarded.signal,
      stop(signal = 'SIGTERM') {
        guarded.signal(signal)
        return guarded.ended
      },
    }
  })
}

async function becomesReady(guarded: Guarded, origin: string): Promise<void> {
  let exitCode: number | undefined
  guarded.ended.then(
    (code) => {
      exitCode = code
    },
    () => {},
  )
  const deadline = performance.now() + READY_TIMEOUT_MS
  for (;;) {
    const answer = await fetch(`${origin}/readyz`).catch(() => undefined)
    if (exitCode !== undefined || performance.now() > deadline) {
      const end = exitCode === undefined ? 'is not ready' : `ended with ${exitCode}`
      throw new Error(`keyturn serve ${end}:\n${guarded.stdout()}${guarded.stderr()}`)
    }
    if (answer?.ok) return
    await delay(POLL_MS)
  }
}

/** Runs one command of the built program to its end. */
export async function runKeyturn(
  args: readonly string[],
  options: { env?: Readonly<Record<string, string>>; stdin?: string; cwd?: string } = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [KEYTURN_PROGRAM, ...args], {
    cwd: options.cwd ?? makeDirectory(),
    env: environment(options.env),
    timeout: COMMAND_TIMEOUT_MS,
    killSignal: 'SIGKILL',
  })
  const result = { code: -1, stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      result[name] += text
    })
  }
  child.stdin.on('error', () => {}) // it ended without reading
  child.stdin.end(options.stdin ?? '')
  result.code = await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve(code ?? -1))
  })
  return result
}

/** Nothing of ours from outside, except by what scripts/test.mjs knows its processes. One process serves, unless a test asks for more. */
function environment(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const outer = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('KEYTURN_') && name !== 'NODE_ENV',
  )
  return {
    ...Object.fromEntries(outer),
    KEYTURN_TEST_RUN: process.env['KEYTURN_TEST_RUN'],
    KEYTURN_WORKERS: '1',
    ...more,
  }
}

/** Removed after the test. */
function makeDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'keyturn-cwd-'))
  afterwards(async () => rmSync(directory, { recursive: true, force: true }))
  return directory
}
