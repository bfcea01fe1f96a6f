import { expect } from 'chai'
import { runKeyturn } from '../support/keyturn-process.ts'
import { type OpenPostgres, openPostgres } from '../support/postgres.ts'

describe('keyturn authtokens', () => {
  let postgres: OpenPostgres
  let environment: Record<string, string>

  beforeEach(async () => {
    postgres = await openPostgres()
    await postgres.database.query(
      `insert into users (id, username, joined_at) values ('1', 'ada', now()), ('2', 'bob', now());`,
    )
    await postgres.database.query(
      `insert into user_identifiers (identifier, user_id) values ('ada', '1'), ('bob', '2')`,
    )
    environment = { KEYTURN_DATABASE_URL: postgres.url }
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

  it('contradicting flags are misuse', async () => {
    for (const flags of [[], ['--user', 'ada', '--expires', '1d'], ['--all-users', '--name', 'x']])
      expect((await keyturn('create', ...flags)).code, flags.join(' ')).to.equal(2)
  })
})
