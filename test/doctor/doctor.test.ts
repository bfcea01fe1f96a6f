import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { CheckResult } from '../../src/doctor/check.ts'
import { runKeyturn, startKeyturn } from '../support/keyturn-process.ts'
import { freePort } from '../support/ports.ts'
import { openPostgres } from '../support/postgres.ts'
import { startRedis } from '../support/redis.ts'
import { afterwards } from '../support/root-hooks.ts'

describe('keyturn doctor', () => {
  let directory: string
  let ports: Record<string, string>

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'keyturn-doctor-'))
    ports = { KEYTURN_PORT: String(await freePort()) }
  })
  afterEach(() => rmSync(directory, { recursive: true }))

  async function examine(env: Record<string, string> = {}) {
    const { code, stdout, stderr } = await runKeyturn(['doctor', '--json'], {
      cwd: directory,
      env: { ...ports, ...env },
    })
    expect(stderr).to.equal('')
    const { healthy, checks } = JSON.parse(stdout) as { healthy: boolean; checks: CheckResult[] }
    for (const check of checks) expect(check).to.have.all.keys('check', 'status', 'found', 'advice')
    const having = (status: string) =>
      checks.filter((check) => check.status === status).map(({ check }) => check)
    return {
      code,
      healthy,
      checks,
      failed: having('fail'),
      warned: having('warn'),
      skipped: having('skipped'),
    }
  }

  async function standard(redisArguments: readonly string[]) {
    const { url } = await openPostgres()
    const redis = await startRedis({ arguments: redisArguments })
    afterwards(redis.stop)
    await runKeyturn(['keys', 'init'], { cwd: directory })
    return { KEYTURN_DATABASE_URL: url, KEYTURN_REDIS_URL: redis.url }
  }

  it('standard mode in order: nothing fails, exit 0, and a table for people', async () => {
    const env = await standard(['--appendonly', 'yes'])
    await runKeyturn(['keys', 'rotate'], { cwd: directory, env })
    const { code, healthy, failed, warned, skipped } = await examine(env)
    expect({ code, healthy, failed, warned }).to.deep.equal({
      code: 0,
      healthy: true,
      failed: [],
      warned: [],
    })
    expect(skipped).to.deep.equal(['mail', 'service'])

    const { stdout } = await runKeyturn(['doctor'], { cwd: directory, env: { ...ports, ...env } })
    expect(stdout.split('\n')[0]).to.match(/^CHECK +STATUS +FOUND$/)
    expect(stdout).not.to.include('What to do')
  })

  it('F-117 finds the wrong policy, the readable sealing key and the wrong one, exits 1 and says what to do', async () => {
    const env = await standard(['--maxmemory-policy', 'allkeys-lru'])
    await runKeyturn(['keys', 'rotate'], { cwd: directory, env })
    rmSync(join(directory, 'keys'), { recursive: true })
    await runKeyturn(['keys', 'init'], { cwd: directory })
    chmodSync(join(directory, 'keys', 'sealing.key'), 0o644)

    const { code, healthy, failed, warned } = await examine(env)
    expect({ code, healthy }).to.deep.equal({ code: 1, healthy: false })
    expect(failed).to.deep.equal(['sealing key file', 'sealed keys', 'redis eviction'])
    expect(warned).to.deep.equal(['redis persistence'])
    const { stdout } = await runKeyturn(['doctor'], { cwd: directory, env: { ...ports, ...env } })
    expect(stdout).to.include('What to do').and.to.include('set maxmemory-policy noeviction')
  })

  it('finds stores that are down, without showing their passwords, and looks at the rest', async () => {
    const { code, failed, skipped, checks } = await examine({
      KEYTURN_DATABASE_URL: 'postgres://keyturn:hunter2@127.0.0.1:1/keyturn',
      KEYTURN_REDIS_URL: 'redis://:hunter2@127.0.0.1:1',
    })
    expect(code).to.equal(1)
    expect(failed).to.deep.equal(['sealing key', 'database', 'redis'])
    expect(skipped).to.include.members(['database version', 'schema', 'clock', 'signing keys'])
    expect(checks.find(({ check }) => check === 'database')?.found).to.include('ECONNREFUSED')
    expect(JSON.stringify(checks)).not.to.include('hunter2')
  })

  it('finds a schema that is missing', async () => {
    const { database, url } = await openPostgres()
    await database.query('drop schema public cascade')
    await database.query('create schema public')
    await runKeyturn(['keys', 'init'], { cwd: directory })
    const { failed, checks } = await examine({ KEYTURN_DATABASE_URL: url })
    expect(failed).to.deep.equal(['schema'])
    expect(checks.find(({ check }) => check === 'schema')?.advice).to.equal('run keyturn migrate')
  })

  it('embedded before the first start: skips what is not there, and makes nothing', async () => {
    const { code, failed } = await examine()
    expect({ code, failed }).to.deep.equal({ code: 0, failed: [] })
    expect(readdirSync(directory)).to.deep.equal([])

    // A command may have made the database; the start still makes the first sealing key.
    await runKeyturn(['users', 'create', 'bob'], { cwd: directory })
    expect((await examine()).failed).to.deep.equal([])
    expect(readdirSync(directory)).to.deep.equal(['.keyturn'])
  })

  it('embedded, not running: looks into the data and gives it back', async () => {
    await runKeyturn(['keys', 'init'], { cwd: directory })
    await runKeyturn(['keys', 'rotate'], { cwd: directory })
    chmodSync(join(directory, '.keyturn'), 0o755)
    const { code, failed, warned, skipped } = await examine()
    expect({ code, failed, warned }).to.deep.equal({ code: 0, failed: [], warned: ['data directory'] })
    expect(skipped).to.deep.equal(['redis', 'mail', 'service'])
    expect((await runKeyturn(['users', 'list'], { cwd: directory })).code).to.equal(0)

    // Without its key the database is of no use, and a start would not make another one.
    rmSync(join(directory, 'keys'), { recursive: true })
    expect((await examine()).failed).to.deep.equal(['sealing key'])
    expect(existsSync(join(directory, 'keys'))).to.equal(false)
  })

  it('embedded and running: asks the service, which goes on', async () => {
    const keyturn = await startKeyturn({ cwd: directory })
    const { port } = new URL(keyturn.origin)
    const { code, failed, skipped, checks } = await examine({ KEYTURN_PORT: port })
    expect({ code, failed }).to.deep.equal({ code: 0, failed: [] })
    expect(skipped).to.include.members(['database', 'signing keys'])
    expect(checks.find(({ check }) => check === 'service')).to.include({ status: 'ok' })
    expect(statSync(join(directory, '.keyturn')).mode & 0o777).to.equal(0o700)
    expect((await fetch(`${keyturn.origin}/readyz`)).status).to.equal(200)
  })
})
