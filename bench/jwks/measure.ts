import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { get } from 'node:http'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type Guarded, startGuard } from '../../test/support/guard.ts'
import { freePort } from '../../test/support/ports.ts'
import { toText } from '../simulation/report.ts'

/*
 * npm run bench:jwks
 *
 * 500 resource servers that have just started, all at once, each with a connection of its own (K-12): how long they wait
 * for the JWKS, and what a request costs the node. Beside it the limit: the same bytes from a bare `node:http`.
 */

const VERIFIERS = 500
const ROUNDS = 20
const PROGRAM = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url))
const PATH = '/.well-known/jwks.json'
/** USER_HZ, which Linux fixes for what it tells programs. */
const TICKS_PER_SECOND = 100
/** A server that sends what it is given, with the headers of ours. */
const BARE = `
  const body = Buffer.from(process.argv[1], 'base64')
  const headers = { 'content-type': 'application/jwk-set+json', 'content-length': body.length, etag: '"x"' }
  require('node:http').createServer((q, r) => r.writeHead(200, headers).end(body)).listen(+process.argv[2], '127.0.0.1')`

interface Measured {
  readonly waits: readonly number[]
  readonly cpuMs: number
}

const directory = mkdtempSync(join(tmpdir(), 'keyturn-bench-'))
const running: Guarded[] = []
try {
  const ours = await start([PROGRAM, 'serve'], await freePort())
  const body = Buffer.from(await (await fetch(`http://127.0.0.1:${ours.port}${PATH}`)).arrayBuffer())
  const bare = await start(['-e', BARE, body.toString('base64')], await freePort(), true)
  const measured = { keyturn: await measure(ours), 'node:http': await measure(bare) }
  process.stdout.write(
    `${cpus().length} × ${cpus()[0]?.model.trim()}, ${process.version}; ${ROUNDS} rounds of ${VERIFIERS} at once\n`,
  )
  const rows = Object.entries(measured).map(([name, { waits, cpuMs }]) => [
    name,
    ...[0.5, 0.99, 1].map((share) => (waits[Math.ceil(waits.length * share) - 1] ?? 0).toFixed(1)),
    ((cpuMs * 1000) / waits.length).toFixed(0),
  ])
  const ratio = measured.keyturn.cpuMs / measured['node:http'].cpuMs
  process.stdout.write(`${toText([['server', 'p50 ms', 'p99 ms', 'max ms', 'CPU µs a request'], ...rows])}\n`)
  process.stdout.write(`CPU a request over that of the bare server: ${ratio.toFixed(2)}\n`)
} finally {
  for (const guarded of running) await guarded.stop()
  rmSync(directory, { recursive: true, force: true })
}

async function start(
  args: readonly string[],
  port: number,
  isBare = false,
): Promise<{ port: number; pid: number }> {
  const metricsPort = await freePort()
  const guarded = await startGuard({
    command: process.execPath,
    arguments: isBare ? [...args, String(port)] : args,
    environment: {
      PATH: process.env['PATH'],
      KEYTURN_PORT: String(port),
      KEYTURN_WORKERS: '1',
      KEYTURN_METRICS_PORT: String(metricsPort),
      KEYTURN_LOG_LEVEL: 'error',
    },
    directory,
    removeDirectory: false,
    stopSignal: 'TERM',
    user: {},
  })
  running.push(guarded)
  for (const deadline = performance.now() + 60_000; performance.now() < deadline; await delay(50)) {
    const answer = await fetch(`http://127.0.0.1:${port}${PATH}`).catch(() => undefined)
    await answer?.arrayBuffer()
    if (answer?.ok) return { port, pid: guarded.pid }
  }
  throw new Error(`nothing answers:\n${guarded.stderr()}`)
}

async function measure({ port, pid }: { port: number; pid: number }): Promise<Measured> {
  await round(port) // what is compiled at the first requests is not what a request costs
  const before = cpuMs(pid)
  const waits: number[] = []
  for (let left = ROUNDS; left > 0; left--) waits.push(...(await round(port)))
  return { waits: waits.sort((a, b) => a - b), cpuMs: cpuMs(pid) - before }
}

function round(port: number): Promise<number[]> {
  return Promise.all(
    Array.from({ length: VERIFIERS }, () => {
      const started = performance.now()
      return new Promise<number>((resolve, reject) => {
        get({ port, host: '127.0.0.1', path: PATH, agent: false }, (response) => {
          if (response.statusCode !== 200) reject(new Error(`status ${response.statusCode}`))
          response.resume().on('end', () => resolve(performance.now() - started))
        }).on('error', reject)
      })
    }),
  )
}

/** What the process has used so far (proc(5): utime and stime). */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND
}
