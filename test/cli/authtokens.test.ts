import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { runKeyturn } from '../support/keyturn-process.ts'
import { type OpenPostgres, openPostgres } from '../support/postgres.ts'
import { afterwards } from '../support/root-hooks.ts'

describe('keyturn authtokens', () => {
  let postgres: OpenPostgres
  let environment: Record<string, string>

  beforeEach(async () => {
    const keys = mkdtempSync(join(tmpdir(), 'keyturn-cli-authtokens-'))
    afterwards(async () => rmSync(keys, { recursive: true }))
    postgres = await openPostgres()
    await postgres.database.query(
      `insert into users (id, username, joined_at) values ('1', 'ada', now()), ('2', 'bob', now());`,
    )
    await postgres.database.query(
      `insert into user_identifiers (identifier, user_id) values ('ada', '1'), ('bob', '2')`,
    )
    environment = { KEYTURN_DATABASE_URL: postgres.url, KEYTURN_KEYS_DIR: keys }
    expect((await runKeyturn(['keys', 'init'], { env: environment })).code).to.equal(0)
  })

  const keyturn = (...args: readonly string[]) => runKeyturn(['authtokens', ...args], { env: environment })

  it('8: a named token is made, shown once, listed and revoked', async () => {
    const made = await keyturn('create', '--user', 'ada', '--name', 'ci', '--expires', '30d', '--json')
    expect(made.code, made.stderr).to.equal(0)
    const { id, token } = JSON.parse(made.stdout)
    expect(token).to.match(/^[0-9a-f]{40}$/)
    const listed = await keyturn('list', '--user', 'ada', '--json')
    expect(JSON.parse(listed.stdout)).to.have.length(1)
    expect(listed.stdout).to.include(id).and.not.include(token)
    expect((await keyturn('revoke', id)).code).to.equal(0)
    const again = await keyturn('revoke', id, '--json')
    expect([again.code, JSON.parse(again.stdout).error]).to.deep.equal([1, 'authtoken_unknown'])
  })

  it('27, 28: all who have none get theirs, as CSV or NDJSON, shown once', async () => {
    await keyturn('create', '--user', 'ada')
    const missing = await keyturn('create', '--all-users', '--format', 'csv')
    expect(missing.code, missing.stderr).to.equal(0)
    expect(missing.stdout).to.match(/^user_id,username,token\r?\n2,bob,[0-9a-f]{40}\r?\n$/)
    expect((await keyturn('create', '--all-users', '--format', 'ndjson')).stdout).to.equal('')
    await postgres.database.query(`insert into users (id, username, joined_at) values ('3', 'eve', now())`)
    const line = (await keyturn('create', '--all-users', '--format', 'ndjson')).stdout
    const { token, ...whose } = JSON.parse(line)
    expect(whose).to.deep.equal({ user_id: '3', username: 'eve' })
    expect(token).to.match(/^[0-9a-f]{40}$/)
  })

  it('26: each new user has one where that is said, the one that a login shows', async () => {
    const create = (name: string, env = environment) =>
      runKeyturn(['users', 'create', name, '--json'], { env })
    const withToken = { ...environment, KEYTURN_AUTHTOKEN_WITH_USER: '1' }
    const { authtoken } = JSON.parse((await create('carol', withToken)).stdout)
    expect(authtoken).to.match(/^[0-9a-f]{40}$/)
    const shown = await keyturn('create', '--user', 'carol', '--json')
    expect(JSON.parse(shown.stdout).token).to.equal(authtoken)
    expect(JSON.parse((await create('dave')).stdout)).not.to.have.property('authtoken')
    expect(JSON.parse((await keyturn('list', '--json')).stdout)).to.have.length(1)
    const text = (await runKeyturn(['users', 'create', 'erin'], { env: withToken })).stdout
    expect(text).to.match(/^Its authtoken, shown at each login, too: [0-9a-f]{40}$/m)
  })

  it('contradicting flags are misuse', async () => {
    for (const flags of [[], ['--user', 'ada', '--expires', '1d'], ['--all-users', '--name', 'x']])
      expect((await keyturn('create', ...flags)).code, flags.join(' ')).to.equal(2)
  })
})
