import { expect } from 'chai'
import { runKeyturn } from '../support/keyturn-process.ts'
import { type OpenPostgres, openPostgres } from '../support/postgres.ts'

describe('keyturn clients', () => {
  let postgres: OpenPostgres

  beforeEach(async () => {
    postgres = await openPostgres()
  })

  function keyturn(...args: readonly string[]) {
    return runKeyturn(['clients', ...args], { env: { KEYTURN_DATABASE_URL: postgres.url } })
  }

  async function json(...args: readonly string[]) {
    const { code, stdout, stderr } = await keyturn(...args, '--json')
    expect(code, stderr).to.equal(0)
    return JSON.parse(stdout)
  }

  it('create prints exactly the id and the secret, the only time it can be seen', async () => {
    const { code, stdout, stderr } = await keyturn(
      'create',
      '--name',
      'App',
      '--grant',
      'client_credentials',
      '--json',
    )
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' })
    expect(stdout).to.match(/^\{"client_id":"[^"]+","client_secret":"ktcs_[^"]+"\}\n$/)
    const { client_secret: secret } = JSON.parse(stdout)
    const stored = await postgres.database.query(
      'select * from clients join client_secrets on client_id = clients.id',
    )
    expect(stored).to.have.length(1)
    expect(JSON.stringify(stored)).not.to.include(secret)
    expect(JSON.stringify(await json('list'))).not.to.include(secret)
  })

  it('create for a public client prints the id alone', async () => {
    const client = await json('create', '--name', 'Phone', '--public', '--native', '--grant', 'refresh_token')
    expect(client).to.have.all.keys('client_id')
  })

  it('every flag arrives: those that repeat, scopes with spaces, durations', async () => {
    const { client_id: id } = await json(
      ...['create', '--name', 'Shop', '--first-party', '--grant', 'password', '--grant', 'refresh_token'],
      ...['--scope', 'read  write', '--scope', 'profile', '--audience', 'https://api.example.com'],
      ...['--audience', 'https://other.example.com', '--redirect-uri', 'https://shop.example.com/a'],
      ...['--redirect-uri', 'https://shop.example.com/b', '--access-token-ttl', '10m'],
      ...['--refresh-idle-ttl', '1.5h', '--refresh-absolute-ttl', '30d', '--late-policy', 'revoke'],
      ...['--access-token-alg', 'RS256'],
    )
    const [client] = await json('list')
    expect(client).to.deep.include({
      client_id: id,
      type: 'confidential',
      name: 'Shop',
      is_native: false,
      is_first_party: true,
      grants: ['password', 'refresh_token'],
      scopes: ['read', 'write', 'profile'],
      audiences: ['https://api.example.com', 'https://other.example.com'],
      redirect_uris: ['https://shop.example.com/a', 'https://shop.example.com/b'],
      late_policy: 'revoke',
      access_token_alg: 'RS256',
      access_token_ttl_seconds: 600,
      refresh_idle_ttl_seconds: 5400,
      refresh_absolute_ttl_seconds: 30 * 86_400,
      disabled_at: null,
    })
  })

  it('a flag that repeats may also take several values at once', async () => {
    await json(
      'create',
      '--name',
      'A',
      '--grant',
      'client_credentials',
      'refresh_token',
      '--scope',
      'a',
      'b c',
    )
    const [client] = await json('list')
    expect(client).to.deep.include({
      grants: ['client_credentials', 'refresh_token'],
      scopes: ['a', 'b', 'c'],
    })
  })

  for (const [what, args] of [
    ['a grant that does not exist', ['--grant', 'telepathy']],
    ['a password grant that is not first-party', ['--grant', 'password']],
    ['a public client with client_credentials', ['--public', '--grant', 'client_credentials']],
    ['a lifetime beyond the limit', ['--access-token-ttl', '2h']],
    ['a redirect to plain http elsewhere', ['--redirect-uri', 'http://shop.example.com/']],
  ] as const) {
    it(`create refuses ${what} with exit 1`, async () => {
      const { code, stdout } = await keyturn('create', '--name', 'X', ...args, '--json')
      expect({ code, error: JSON.parse(stdout).error }).to.deep.equal({ code: 1, error: 'client_invalid' })
      expect(await json('list')).to.deep.equal([])
    })
  }

  it('create refuses an algorithm that no key signs, and says what to do', async () => {
    for (const [algorithm, error, advice] of [
      ['HS256', 'algorithm_unknown', 'RS256, ES256, EdDSA'],
      ['EdDSA', 'algorithm_not_introduced', 'keyturn keys rotate --algorithm EdDSA'],
    ] as const) {
      const { code, stdout } = await keyturn(
        'create',
        '--name',
        'X',
        '--access-token-alg',
        algorithm,
        '--json',
      )
      const answer = JSON.parse(stdout)
      expect({ code, error: answer.error }).to.deep.equal({ code: 1, error })
      expect(JSON.stringify(answer)).to.include(advice)
    }
    expect(await json('list')).to.deep.equal([])
  })

  it('rotate-secret prints a new secret and when the earlier one ends', async () => {
    const { client_id: id, client_secret: first } = await json('create', '--name', 'App')
    const rotated = await json('rotate-secret', id)
    expect(rotated).to.have.all.keys('client_id', 'client_secret', 'earlier_secret_ends_at')
    expect(rotated.client_id).to.equal(id)
    expect(rotated.client_secret)
      .to.match(/^ktcs_/)
      .and.not.equal(first)
    expect(new Date(rotated.earlier_secret_ends_at).getTime()).to.be.greaterThan(Date.now())
    expect((await keyturn('rotate-secret', id)).stderr).to.include('--end-earlier')
    const forPeople = await keyturn('rotate-secret', id, '--end-earlier')
    expect(forPeople.stdout).to.include('this once')
  })

  it('disable and enable do what they say', async () => {
    const { client_id: id } = await json('create', '--name', 'App')
    expect((await json('disable', id)).disabled_at).to.be.a('string')
    expect((await json('list'))[0].disabled_at).to.be.a('string')
    expect((await json('enable', id)).disabled_at).to.equal(null)
  })

  it('one that does not exist, or has no secret, is refused with exit 1', async () => {
    const { client_id: id } = await json('create', '--name', 'Phone', '--public')
    for (const [args, error] of [
      [['disable', 'nobody'], 'client_unknown'],
      [['rotate-secret', 'nobody'], 'client_unknown'],
      [['rotate-secret', id], 'client_public'],
    ] as const) {
      const { code, stdout } = await keyturn(...args, '--json')
      expect({ code, error: JSON.parse(stdout).error }).to.deep.equal({ code: 1, error })
    }
  })

  it('list turns pages in order of id', async () => {
    for (const name of ['A', 'B', 'C']) await json('create', '--name', name)
    const all = (await json('list')).map(({ client_id: id }: { client_id: string }) => id)
    expect(all).to.deep.equal([...all].sort())
    const rest = await json('list', '--limit', '1', '--after', all[0])
    expect(rest.map(({ client_id: id }: { client_id: string }) => id)).to.deep.equal([all[1]])
  })

  it('41: update changes what it is told, replaces lists, and takes its own lifetimes back', async () => {
    const { client_id: id } = await json(
      ...[
        'create',
        '--name',
        'Web',
        '--public',
        '--first-party',
        '--grant',
        'password',
        '--scope',
        'read write',
      ],
      ...['--access-token-ttl', '20m', '--unremembered-ttl', '12h', '--allowed-origin', 'https://a.example'],
    )
    const before = await json('show', id)
    expect(before).to.deep.include({
      access_token_ttl_seconds: 1200,
      unremembered_ttl_seconds: 12 * 3600,
      allowed_origins: ['https://a.example'],
    })
    const after = await json(
      ...['update', id, '--scope', 'read', '--access-token-ttl', 'default', '--refresh-idle-ttl', '7d'],
      ...['--allowed-origin', 'https://b.example', '--allowed-origin', 'http://localhost:3000'],
    )
    expect(after).to.deep.equal({
      ...before,
      scopes: ['read'],
      access_token_ttl_seconds: null,
      refresh_idle_ttl_seconds: 7 * 86_400,
      allowed_origins: ['https://b.example', 'http://localhost:3000'],
    })
    expect(await json('update', id, '--allowed-origin', '', '--name', 'Shop')).to.deep.equal({
      ...after,
      name: 'Shop',
      allowed_origins: [],
    })
    const { stdout } = await keyturn('update', id, '--late-policy', 'supersede')
    expect(stdout).to.match(/is changed\.\n(.*\n)*late policy +supersede\n/)
    const events = await postgres.database.query(
      "select actor from audit_events where event = 'client.updated'",
    )
    expect(events).to.have.length(3)
  })

  it('update refuses in words, and changes nothing', async () => {
    const { client_id: id } = await json('create', '--name', 'App', '--refresh-absolute-ttl', '1d')
    const before = await json('show', id)
    for (const [args, code, message] of [
      [['update', id], 2, /say what to change/],
      [['update', id, '--access-token-ttl', '2h'], 1, /access token lifetime: it must be from 60 to 3600/],
      [['update', id, '--refresh-idle-ttl', '2d'], 1, /must not be longer than the absolute one/],
      [['update', id, '--allowed-origin', 'https://a.example/'], 1, /origin: it must be what browsers send/],
      [['update', id, '--allowed-origin', '*'], 1, /origin: it must be what browsers send/],
      [['update', id, '--access-token-alg', 'HS256'], 1, /HS256/],
      [['update', 'nobody', '--name', 'x'], 1, /there is no client "nobody"/],
      [['show', 'nobody'], 1, /there is no client "nobody"/],
    ] as const) {
      const answer = await keyturn(...args)
      expect(answer.code, args.join(' ')).to.equal(code)
      expect(answer.stderr).to.match(message)
    }
    expect(await json('show', id)).to.deep.equal(before)
  })
})
