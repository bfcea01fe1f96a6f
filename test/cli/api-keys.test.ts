import { expect } from 'chai'
import { runKeyturn } from '../support/keyturn-process.ts'
import { openPostgres } from '../support/postgres.ts'

describe('keyturn api-keys', () => {
  let environment: Record<string, string>
  beforeEach(async () => {
    environment = { KEYTURN_DATABASE_URL: (await openPostgres()).url }
  })
  const keyturn = (...args: readonly string[]) => runKeyturn(['api-keys', ...args], { env: environment })

  it('a key is made, shown once, listed and revoked for good', async () => {
    const flags = ['--name', 'ci', '--scope', 'read write', '--audience', 'https://api.example.com']
    const made = await keyturn('create', ...flags, '--expires', '30d', '--access-token-ttl', '2m', '--json')
    expect(made.code, made.stderr).to.equal(0)
    const { id, key } = JSON.parse(made.stdout)
    const listed = await keyturn('list', '--json')
    expect(JSON.parse(listed.stdout)[0]).to.deep.include({
      id,
      scopes: ['read', 'write'],
      access_token_ttl_seconds: 120,
    })
    expect(listed.stdout).not.to.include(key.split('.')[1])
    expect((await keyturn('revoke', id)).code).to.equal(0)
    const again = await keyturn('revoke', id, '--json')
    expect([again.code, JSON.parse(again.stdout).error]).to.deep.equal([1, 'api_key_unknown'])
    expect((await keyturn('list')).stdout).to.match(/^ID +PREFIX +NAME +USER +SCOPES/)
  })

  it('what is no duration is misuse, what is no key is refused', async () => {
    expect((await keyturn('create', '--name', 'x', '--expires', 'soon')).code).to.equal(2)
    expect((await keyturn('create', '--name', 'x', '--scope', 'account')).code).to.equal(1)
  })
})
