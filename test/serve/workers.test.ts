import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { expect } from 'chai'
import { type KeyturnProcess, runKeyturn, startKeyturn } from '../support/keyturn-process.ts'
import { openPostgres } from '../support/postgres.ts'
import { serverDirectory } from '../support/server-user.ts'
import { until } from '../support/until.ts'
import { deployment } from './deployment.ts'

const WORKERS = { KEYTURN_WORKERS: '2', KEYTURN_HASH_CONCURRENCY: '1' }

describe('keyturn serve with two workers', () => {
  let node: KeyturnProcess
  let deployed: Awaited<ReturnType<typeof deployment>>
  let token: (form: Record<string, string>) => Promise<Response>
  let signIn: () => Promise<Response>

  // One for all of them, in their order: it takes longer than the tests.
  before(async () => {
    deployed = await deployment(WORKERS)
    node = deployed.first
    token = (form) => deployed.token(node, form)
    signIn = () => deployed.signIn(node)
  })

  it('both answer on one port, the metrics are one view, and 64 refreshes at once have one successor', async () => {
    expect(workersOf(node)).to.have.length(2)
    const { refresh_token } = (await (await signIn()).json()) as Record<string, string>
    const form = { grant_type: 'refresh_token', refresh_token: refresh_token ?? '' }
    const answers = await Promise.all(Array.from({ length: 64 }, () => token(form)))
    expect(new Set(answers.map(({ status }) => status))).to.deep.equal(new Set([200]))
    const successors = await Promise.all(
      answers.map(async (answer) => ((await answer.json()) as { refresh_token: string }).refresh_token),
    )
    expect(new Set(successors).size).to.equal(1)

    const log = node
      .stderr()
      .split('\n')
      .filter((line) => line.includes('/oauth/token'))
    const served = new Set(log.map((line) => (JSON.parse(line) as { worker: number }).worker))
    expect([...served].sort(), 'who answered').to.deep.equal([1, 2])
    const metrics = await metricsOf(node)
    expect(sumOf(metrics, /^keyturn_http_requests_total\{route="\/oauth\/token",status="200"/)).to.equal(65)
    expect(sumOf(metrics, /^keyturn_redis_up /), 'of two workers').to.equal(1)
    expect(sumOf(metrics, /^keyturn_worker_restarts_total /)).to.equal(0)
  })

  it('F-401 hash for both in the same processes, as many as are allowed', async () => {
    let most = 0
    const watching = setInterval(() => {
      most = Math.max(most, hashProcessesOf(node).length)
    }, 5)
    const logins = await Promise.all(Array.from({ length: 16 }, () => signIn()))
    clearInterval(watching)
    expect(new Set(logins.map(({ status }) => status))).to.deep.equal(new Set([200]))
    expect(most, 'hash processes of two workers').to.equal(1)
    const metrics = await metricsOf(node)
    expect(sumOf(metrics, /^keyturn_hashes_queued /)).to.equal(0)
  })

  it('G1 a worker that is killed costs no session and is replaced, while the other answers', async () => {
    let current = ((await (await signIn()).json()) as { refresh_token: string }).refresh_token
    const refresh = async () => {
      const answer = await token({ grant_type: 'refresh_token', refresh_token: current }).catch(
        () => undefined,
      )
      // A connection that died with the worker: the client asks again, with the same token.
      if (answer === undefined || answer.status >= 500) return
      expect(answer.status).to.equal(200)
      current = ((await answer.json()) as { refresh_token: string }).refresh_token
    }
    for (let times = 0; times < 5; times++) await refresh()
    const counted = async () =>
      sumOf(await metricsOf(node), /^keyturn_http_requests_total\{route="\/oauth\/token"/)
    const before = await counted()
    const [victim = 0] = workersOf(node)
    process.kill(victim, 'SIGKILL')
    for (let times = 0; times < 20; times++) await refresh()
    await until(() => workersOf(node).length === 2 && !workersOf(node).includes(victim))
    await until(async () => sumOf(await metricsOf(node), /^keyturn_worker_restarts_total /) === 1)
    for (let times = 0; times < 5; times++) await refresh()
    expect(await counted(), 'what was counted').to.be.at.least(before)
    expect(node.stderr()).to.include('a worker ended; another one takes its place')
  })

  it('G9 at SIGTERM a worker that was just starting is in nobody’s way', async () => {
    const [victim = 0] = workersOf(node)
    process.kill(victim, 'SIGKILL')
    await until(() => workersOf(node).length === 2 && !workersOf(node).includes(victim))
    expect(await node.stop()).to.equal(0)
  })

  it('G9 at SIGTERM both finish, write their anchors and leave with 0, and nothing is left behind', async () => {
    node = await startKeyturn({ cwd: node.directory, env: deployed.env })
    await until(() => node.stdout().includes('is running'))
    const logins = await Promise.all(Array.from({ length: 4 }, () => signIn()))
    const tokens = await Promise.all(
      logins.map(async (answer) => ((await answer.json()) as { refresh_token: string }).refresh_token),
    )
    const refreshed = Promise.all(
      tokens.map((refresh_token) => token({ grant_type: 'refresh_token', refresh_token })),
    )
    expect((await refreshed).map(({ status }) => status)).to.deep.equal([200, 200, 200, 200])
    const workers = workersOf(node)
    expect(await node.stop()).to.equal(0)
    expect(workers.filter(isAlive)).to.deep.equal([])
    const generations = await deployed.database.query<{ generation: number }>(
      'select generation from refresh_families order by created_at desc limit 4',
    )
    expect(generations.map(({ generation }) => generation)).to.deep.equal([2, 2, 2, 2])
  })

  it('workers of a primary that was killed end with it', async () => {
    node = await startKeyturn({ cwd: node.directory, env: deployed.env })
    const workers = workersOf(node)
    process.kill(node.pid, 'SIGKILL')
    await until(() => !workers.some(isAlive))
    expect(workers).to.have.length(2)
  })
})

describe('keyturn serve with several workers, where something is in the way', () => {
  it('a missing sealing key is said once, with 78', async () => {
    const { url } = await openPostgres()
    const env = {
      KEYTURN_DATABASE_URL: url,
      KEYTURN_PORT: '0',
      KEYTURN_METRICS_PORT: '0',
      KEYTURN_ISSUER: 'http://localhost:7600',
    }
    const { code, stderr } = await runKeyturn(['serve', '--workers', '2'], { env })
    expect(code).to.equal(78)
    expect(stderr.match(/sealing key/g)).to.have.length(1)
  })

  it('a port that is taken is said once, with 1', async () => {
    const { url } = await openPostgres()
    const cwd = serverDirectory('workers')
    const env = { KEYTURN_DATABASE_URL: url, KEYTURN_METRICS_PORT: '0' }
    expect((await runKeyturn(['keys', 'init'], { cwd, env })).code).to.equal(0)
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const port = String((other.address() as AddressInfo).port)
    const { code, stderr } = await runKeyturn(['serve', '--workers', '2'], {
      cwd,
      env: { ...env, KEYTURN_PORT: port },
    })
    other.close()
    expect(code).to.equal(1)
    expect(stderr.match(/KEYTURN_PORT/g)).to.have.length(1)
  })

  it('embedded mode has one process: more is refused, by a flag with 2 and by a variable with 78', async () => {
    const byFlag = await runKeyturn(['serve', '--workers', '2'])
    expect([byFlag.code, byFlag.stderr.includes('KEYTURN_DATABASE_URL')]).to.deep.equal([2, true])
    const byVariable = await runKeyturn(['serve'], { env: { KEYTURN_WORKERS: '2' } })
    expect([byVariable.code, byVariable.stderr.includes('KEYTURN_WORKERS')]).to.deep.equal([78, true])
  })
})

/** The children of the primary that serve, by their command line. */
function workersOf(node: KeyturnProcess): number[] {
  return childrenOf(node.pid).filter((pid) => commandOf(pid).includes('cli/main.js'))
}

function hashProcessesOf(node: KeyturnProcess): number[] {
  const family = [node.pid, ...workersOf(node)]
  return family.flatMap(childrenOf).filter((pid) => commandOf(pid).includes('hash-process'))
}

function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((child) => read(`/proc/${child}/stat`).split(') ')[1]?.split(' ')[1] === String(pid))
}

function commandOf(pid: number): string {
  return read(`/proc/${pid}/cmdline`)
}

function isAlive(pid: number): boolean {
  const state = read(`/proc/${pid}/stat`).split(') ')[1]?.[0]
  return state !== undefined && state !== 'Z'
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

async function metricsOf(node: KeyturnProcess): Promise<string> {
  const answer = await fetch(`${node.metricsOrigin}/metrics`)
  expect(answer.status, 'metrics').to.equal(200)
  return answer.text()
}

function sumOf(metrics: string, line: RegExp): number {
  return metrics
    .split('\n')
    .filter((text) => line.test(text))
    .reduce((sum, text) => sum + Number(text.slice(text.lastIndexOf(' ') + 1)), 0)
}
