import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { runKeyturn } from '../support/keyturn-process.ts'
import { createPostgres, openPostgres } from '../support/postgres.ts'

const SECRET = 'hunter2-hunter2'
const WRONG = {
  KEYTURN_DATABASE_URL: `mysql://keyturn:${SECRET}@db/keyturn`,
  KEYTURN_REDIS_URL: `http://:${SECRET}@redis`,
  KEYTURN_PORT: '99999',
  KEYTURN_ACCESS_TOKEN_TTL: 'long',
  KEYTURN_DATABASE_PASSWORD: SECRET,
}

describe('a wrong configuration', () => {
  let directory: string

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'keyturn-cli-config-'))
  })
  afterEach(() => rmSync(directory, { recursive: true }))

  for (const args of [
    ['serve'],
    ['migrate'],
    ['doctor'],
    ['users', 'list'],
    ['users', 'create', 'alice', '--password-stdin'],
    ['createsuperuser', '--noinput', '--username', 'root'],
    ['clients', 'create', '--name', 'X'],
    ['keys', 'init'],
    ['keys', 'rotate'],
  ]) {
    it(`F-510 exits 78 in keyturn ${args.join(' ')}, with all mistakes and no secret, and does nothing`, async () => {
      const { code, stdout, stderr } = await runKeyturn(args, { env: WRONG, cwd: directory })
      expect({ code, stdout }).to.deep.equal({ code: 78, stdout: '' })
      const lines = stderr.trimEnd().split('\n')
      expect(lines.map((line) => line.split(' ')[0]).sort()).to.deep.equal(Object.keys(WRONG).sort())
      expect(stderr).not.to.include(SECRET)
      expect(readdirSync(directory)).to.deep.equal([])
    })
  }

  it('is one document with --json', async () => {
    const { code, stdout } = await runKeyturn(['users', 'list', '--json'], { env: WRONG })
    expect(code).to.equal(78)
    const { error, message } = JSON.parse(stdout)
    expect(error).to.equal('configuration')
    expect(message.split('\n')).to.have.length(Object.keys(WRONG).length)
    expect(stdout).not.to.include(SECRET)
  })

  it('embedded mode in production is one, unless it is asked for by name', async () => {
    const refused = await runKeyturn(['users', 'list'], { env: { NODE_ENV: 'production' } })
    expect(refused.code).to.equal(78)
    expect(refused.stderr).to.include('KEYTURN_EMBEDDED=1')
    const env = { NODE_ENV: 'production', KEYTURN_EMBEDDED: '1' }
    expect((await runKeyturn(['users', 'list'], { env })).code).to.equal(0)
  })
})

describe('a database that cannot be used', () => {
  it('exits 1 when it does not answer, without showing its password', async () => {
    const env = { KEYTURN_DATABASE_URL: `postgres://keyturn:${SECRET}@127.0.0.1:1/keyturn` }
    for (const args of [['users', 'list'], ['migrate']]) {
      const { code, stdout, stderr } = await runKeyturn([...args, '--json'], { env })
      expect({ code, error: JSON.parse(stdout).error }).to.deep.equal({ code: 1, error: 'unavailable' })
      expect(stdout + stderr).not.to.include(SECRET)
    }
  })

  it('exits 1 when it is not there, in its own words', async () => {
    const url = new URL((await openPostgres()).url)
    url.pathname = '/nowhere'
    const { code, stdout } = await runKeyturn(['users', 'list', '--json'], {
      env: { KEYTURN_DATABASE_URL: url.href },
    })
    expect(code).to.equal(1)
    expect(JSON.parse(stdout).message).to.include('database "nowhere" does not exist')
  })

  it('exits 1 when its schema is missing, with the command that helps; migrate helps', async () => {
    const { database, url, close } = await createPostgres()
    try {
      await database.query('drop schema public cascade')
      await database.query('create schema public')
      const env = { KEYTURN_DATABASE_URL: url }
      const before = await runKeyturn(['users', 'list', '--json'], { env })
      expect(before.code).to.equal(1)
      expect(JSON.parse(before.stdout).error).to.equal('schema_outdated')
      expect(before.stderr).to.include('run keyturn migrate')

      const migrated = await runKeyturn(['migrate', '--json'], { env })
      expect(migrated.code).to.equal(0)
      expect(JSON.parse(migrated.stdout).applied).to.include('0001-users')
      const again = await runKeyturn(['migrate', '--json'], { env })
      expect(again).to.deep.equal({ code: 0, stdout: '{"applied":[]}\n', stderr: '' })
      expect((await runKeyturn(['users', 'list', '--json'], { env })).stdout).to.equal('[]\n')
    } finally {
      await close()
    }
  })
})
