import { expect } from 'chai'
import { MODES, startApp, type TestApp, type TestClient } from '../support/app.ts'
import { TestClock } from '../support/clock.ts'
import { connectRaw, request } from '../support/raw-http.ts'

const PATH = '/account/api/sessions'
const BARE = 'Bearer realm="keyturn"'
const FIREFOX = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0'

interface Tokens {
  readonly access_token: string
  readonly refresh_token: string
}

for (const mode of MODES) {
  describe(`an account's sessions, ${mode}`, () => {
    let clock: TestClock
    let keyturn: TestApp
    let client: TestClient

    beforeEach(async () => {
      clock = new TestClock(undefined, { autoAdvance: true })
      keyturn = await startApp({ mode, clock })
      client = await keyturn.createClient({ scopes: ['read', 'account'], audiences: [] })
      await keyturn.createUser('alice')
    })

    const signIn = async (form = {}, username = 'alice', caller = client): Promise<Tokens> =>
      (await keyturn.signIn(caller, username, form)).body
    const ask = (method: string, path: string, token: string) =>
      keyturn.request(method, path, { authorization: `Bearer ${token}` })
    const list = async ({ access_token }: Tokens) => (await ask('GET', PATH, access_token)).body.sessions
    const currentId = async (tokens: Tokens): Promise<string> =>
      (await list(tokens)).find(({ current }: { current: boolean }) => current).id
    const refreshes = async ({ refresh_token }: Tokens) =>
      (await keyturn.refresh(client, refresh_token)).status

    it('a user sees the own live sessions, the latest first, and which is this one', async () => {
      const first = await signIn()
      clock.advance(60_000)
      const second = await signIn()
      clock.advance(60_000)
      expect(await refreshes(first)).to.equal(200)
      await keyturn.app.close()
      const { status, body, headers } = await ask('GET', PATH, second.access_token)
      expect([status, headers.get('cache-control')]).to.deep.equal([200, 'no-store'])
      const [latest, earlier, ...more] = body.sessions
      expect(more).to.deep.equal([])
      expect(latest).to.deep.equal({
        id: latest.id,
        current: true,
        client_id: client.id,
        device: 'node',
        address: '127.0.0.1',
        signed_in_at: '2026-01-01T00:01:00.000Z',
        last_seen_at: '2026-01-01T00:01:00.000Z',
        authentication_methods: ['pwd'],
      })
      expect(earlier).to.include({
        current: false,
        signed_in_at: '2026-01-01T00:00:00.000Z',
        last_seen_at: '2026-01-01T00:02:00.000Z',
      })
      const one = await ask('GET', `${PATH}/${earlier.id}`, second.access_token)
      expect(one.body).to.deep.equal(earlier)
      expect(JSON.stringify(body)).not.to.match(/rt1\.|user_agent/)
    })

    it('a device is named by the user agent of its login', async () => {
      const form = { grant_type: 'password', username: 'alice', password: keyturn.password }
      const public_ = await keyturn.createClient({ isPublic: true, scopes: ['account'], audiences: [] })
      const answer = await fetch(`${keyturn.origin}/oauth/token`, {
        method: 'POST',
        headers: { 'user-agent': FIREFOX },
        body: new URLSearchParams({ ...form, client_id: public_.id }),
      })
      expect((await list((await answer.json()) as Tokens))[0].device).to.equal('Firefox on Windows')
    })

    it('R-42 DELETE ends one: its refresh token inside the retry window and its access token are dead, others go on', async () => {
      const [here, there] = [await signIn(), await signIn()]
      const id = await currentId(there)
      const next = (await keyturn.refresh(client, there.refresh_token)).body as Tokens
      const { status, text } = await ask('DELETE', `${PATH}/${id}`, here.access_token)
      expect([status, text]).to.deep.equal([204, ''])
      expect([await refreshes(there), await refreshes(next), await refreshes(here)]).to.deep.equal([
        400, 400, 200,
      ])
      for (const { access_token } of [there, next])
        expect((await ask('GET', PATH, access_token)).status).to.equal(401)
      expect((await ask('DELETE', `${PATH}/${id}`, here.access_token)).status, 'again').to.equal(204)
      expect((await ask('GET', `${PATH}/${id}`, here.access_token)).status).to.equal(404)
      expect(await list(here)).to.have.length(1)
    })

    it('DELETE on all of them signs out everywhere, here too, and nobody else', async () => {
      await keyturn.createUser('bob')
      const [here, there, bobs] = [await signIn(), await signIn(), await signIn({}, 'bob')]
      expect((await ask('DELETE', PATH, here.access_token)).status).to.equal(204)
      expect([await refreshes(here), await refreshes(there), await refreshes(bobs)]).to.deep.equal([
        400, 400, 200,
      ])
      expect((await ask('GET', PATH, here.access_token)).status).to.equal(401)
      expect(await list(await signIn()), 'control: signing in again works').to.have.length(1)
      const rows = await keyturn.stores.database.query<{ actor: string; details: object }>(
        "select actor, details from audit_events where event = 'sessions.ended'",
      )
      expect(rows).to.have.length(1)
      expect(rows[0]?.details).to.deep.equal({ reason: 'signed_out', count: 2 })
      expect(rows[0]?.actor).to.match(/^user:/)
    })

    it('DELETE on all of them with a query ends none: whoever writes one means one', async () => {
      const [here, there] = [await signIn(), await signIn()]
      const { status, body } = await ask('DELETE', `${PATH}?id=${await currentId(there)}`, here.access_token)
      expect([status, body.error]).to.deep.equal([400, 'invalid_request'])
      expect([await refreshes(here), await refreshes(there)]).to.deep.equal([200, 200])
    })

    it('a session ends itself', async () => {
      const here = await signIn()
      expect((await ask('DELETE', `${PATH}/${await currentId(here)}`, here.access_token)).status).to.equal(
        204,
      )
      expect([await refreshes(here), (await ask('GET', PATH, here.access_token)).status]).to.deep.equal([
        400, 401,
      ])
    })

    it("another user's session answers as one that never was, and lives on", async () => {
      await keyturn.createUser('bob')
      const [mine, theirs] = [await signIn(), await signIn({}, 'bob')]
      const id = await currentId(theirs)
      const unknown = `s_${'A'.repeat(22)}`
      for (const method of ['GET', 'DELETE']) {
        const [foreign, none] = [
          await ask(method, `${PATH}/${id}`, mine.access_token),
          await ask(method, `${PATH}/${unknown}`, mine.access_token),
        ]
        expect([foreign.status, foreign.text]).to.deep.equal([404, none.text])
        expect(none.body.error).to.equal('invalid_request')
      }
      const pages = [`${PATH}?after=${id}`, `${PATH}?after=${unknown}`]
      const answers = await Promise.all(pages.map((page) => ask('GET', page, mine.access_token)))
      expect(answers[0]?.status).to.equal(404)
      expect(answers[0]?.text).to.equal(answers[1]?.text)
      expect(await refreshes(theirs)).to.equal(200)
      expect((await ask('DELETE', `${PATH}/${id}`, theirs.access_token)).status, 'control').to.equal(204)
    })

    it('S-121 an access token that was revoked, or whose session was, is no key to the account', async () => {
      const [here, there] = [await signIn(), await signIn()]
      await keyturn.post('/oauth/revoke', { token: here.access_token }, client)
      await keyturn.post('/oauth/revoke', { token: there.refresh_token }, client)
      for (const { access_token } of [here, there]) {
        const { status, headers, body } = await ask('DELETE', PATH, access_token)
        expect([status, body.error]).to.deep.equal([401, 'invalid_token'])
        expect(headers.get('www-authenticate')).to.include('error="invalid_token"')
      }
      expect(await refreshes(here), 'control: the session of the first goes on').to.equal(200)
    })
  })
}

describe("who may ask for an account's sessions", () => {
  let clock: TestClock
  let keyturn: TestApp
  let client: TestClient
  let accessToken: string

  before(async () => {
    clock = new TestClock(undefined, { autoAdvance: true })
    keyturn = await startApp({ clock })
    const { issuer } = keyturn.config
    client = await keyturn.createClient({
      scopes: ['read', 'account'],
      audiences: ['https://api.example.com', issuer],
    })
    await keyturn.createUser('alice')
    accessToken = (await keyturn.signIn(client, 'alice', { resource: issuer })).body.access_token
  })

  const tokenFor = async (form: Record<string, string>): Promise<string> =>
    (await keyturn.signIn(client, 'alice', form)).body.access_token
  const ask = (authorization?: string) =>
    keyturn.request('GET', PATH, authorization === undefined ? {} : { authorization })

  it('a client with resources of its own names the issuer', async () => {
    expect((await ask(`Bearer ${accessToken}`)).status).to.equal(200)
    expect((await ask(`bearer  ${accessToken}`)).status).to.equal(200)
  })

  it('RFC 6750 §3.1 who presents nothing is told how, and of no error', async () => {
    for (const authorization of [undefined, 'Basic YTpi', 'Bearer', accessToken]) {
      const { status, headers, body } = await ask(authorization)
      expect([status, headers.get('www-authenticate')]).to.deep.equal([401, BARE])
      expect(body).to.deep.equal({ error: 'invalid_token', error_description: 'an access token is required' })
    }
  })

  it('a token of another kind, for another resource, of no user, altered or expired is not valid', async () => {
    const { body } = await keyturn.signIn(client, 'alice', { resource: keyturn.config.issuer })
    const own = await keyturn.post(
      '/oauth/token',
      { grant_type: 'client_credentials', scope: 'account', resource: keyturn.config.issuer },
      client,
    )
    const old = await tokenFor({ resource: keyturn.config.issuer })
    const wrong = [
      'rubbish',
      'a b',
      body.refresh_token,
      `${accessToken}x`,
      `${accessToken} ${accessToken}`,
      await tokenFor({ resource: 'https://api.example.com' }),
      own.body.access_token,
    ]
    const refusals = await Promise.all(wrong.map((token) => ask(`Bearer ${token}`)))
    clock.advance(600_000)
    await keyturn.app.reloadKeys()
    refusals.push(await ask(`Bearer ${old}`))
    for (const [index, { status, headers, body: answer }] of refusals.entries()) {
      expect([status, answer.error], wrong[index] ?? 'expired').to.deep.equal([401, 'invalid_token'])
      expect(headers.get('www-authenticate')).to.equal(
        `${BARE}, error="invalid_token", error_description="the access token is not valid here"`,
      )
    }
    accessToken = await tokenFor({ resource: keyturn.config.issuer })
    expect((await ask(`Bearer ${accessToken}`)).status, 'control').to.equal(200)
  })

  it('one that is not allowed `account` is told which scope is missing', async () => {
    const token = await tokenFor({ resource: keyturn.config.issuer, scope: 'read' })
    const { status, headers, body } = await ask(`Bearer ${token}`)
    expect([status, body.error]).to.deep.equal([403, 'insufficient_scope'])
    expect(headers.get('www-authenticate')).to.match(
      /^Bearer realm="keyturn", error="insufficient_scope", .*scope="account"$/,
    )
  })

  it('two Authorization headers are none: a proxy may have looked at the other', async () => {
    const answer = await raw(`GET ${PATH}`, [
      ['Authorization', `Bearer ${accessToken}`],
      ['Authorization', `Bearer ${accessToken}`],
    ])
    expect(answer?.status).to.equal(401)
    expect(
      (await raw(`GET ${PATH}`, [['Authorization', `Bearer ${accessToken}`]]))?.status,
      'control',
    ).to.equal(200)
  })

  it('a token in the query or in a body is not looked at', async () => {
    expect((await keyturn.get(`${PATH}?access_token=${accessToken}`)).status).to.equal(401)
    const { status } = await keyturn.post(PATH, { access_token: accessToken })
    expect(status).to.equal(405)
  })

  it('S-001 S-017 other methods are 405 with Allow, other spellings are nothing, HEAD is GET without a body', async () => {
    const authorization: [string, string] = ['Authorization', `Bearer ${accessToken}`]
    for (const path of [PATH, `${PATH}/s_x`]) {
      for (const method of ['POST', 'PUT', 'PATCH', 'OPTIONS']) {
        const answer = await raw(`${method} ${path}`, [authorization])
        expect([answer?.status, answer?.header('allow')], method).to.deep.equal([405, 'GET, HEAD, DELETE'])
      }
    }
    for (const path of [
      `${PATH}/`,
      `${PATH}/a/b`,
      '/account/api/Sessions',
      '/account/api//sessions',
      `${PATH}/%2e%2e`,
      `${PATH}/%`,
      `${PATH}/..`,
    ]) {
      const answer = await raw(`GET ${path}`, [authorization])
      expect(answer?.status, path).to.equal(404)
      expect(JSON.parse(answer?.body ?? '').error, path).to.equal('invalid_request')
    }
    const { body } = await ask(`Bearer ${accessToken}`)
    const id: string = body.sessions[0].id
    const encoded = [...id].map((letter) => `%${letter.charCodeAt(0).toString(16)}`).join('')
    expect((await raw(`GET ${PATH}/${id}`, [authorization]))?.status, 'control').to.equal(200)
    expect((await raw(`GET ${PATH}/${encoded}`, [authorization]))?.status).to.equal(404)
    expect((await raw(`HEAD ${PATH}`, [authorization], undefined, true))?.status).to.equal(200)
  })

  it('S-020 no page of another origin reads the answer', async () => {
    const { headers } = await keyturn.request('GET', PATH, {
      authorization: `Bearer ${accessToken}`,
      origin: 'https://evil.example',
    })
    expect([...headers.keys()].filter((name) => name.startsWith('access-control-'))).to.deep.equal([])
  })

  it('a body on DELETE changes nothing, and does not become the next request', async () => {
    const token = await tokenFor({ resource: keyturn.config.issuer })
    const bearer: [string, string] = ['Authorization', `Bearer ${token}`]
    const smuggled = `GET /livez HTTP/1.1\r\nHost: x\r\n\r\n`
    const connection = await connectRaw(keyturn.origin)
    connection.write(request(`DELETE ${PATH}/s_unknown`, [bearer], smuggled))
    expect((await connection.next())?.status).to.equal(404)
    connection.end()
    expect(await connection.next()).to.equal(undefined)
    connection.close()
    expect((await ask(`Bearer ${token}`)).status, 'nothing was ended').to.equal(200)
  })

  it('more than a hundred sessions are listed page by page', async () => {
    await keyturn.createUser('busy')
    const form = { resource: keyturn.config.issuer }
    const token = (await keyturn.signIn(client, 'busy', form)).body.access_token
    const [row] = await keyturn.stores.database.query<{ id: string }>(
      "select s.id from sessions s join users u on u.id = s.user_id where u.username = 'busy'",
    )
    await keyturn.stores.database.query(
      `insert into sessions (id, user_id, client_id, authenticated_at, created_at, remove_after)
       select 's_' || n, user_id, client_id, authenticated_at, created_at + n * interval '1 second', remove_after
       from sessions, generate_series(1, 120) n where id = $1`,
      [row?.id],
    )
    const seen: string[] = []
    let next = ''
    do {
      const { body } = await keyturn.get(`${PATH}${next === '' ? '' : `?after=${next}`}`, {
        authorization: `Bearer ${token}`,
      })
      seen.push(...body.sessions.map(({ id }: { id: string }) => id))
      next = body.next ?? ''
    } while (next !== '')
    expect([seen.length, new Set(seen).size, seen.at(-1)]).to.deep.equal([121, 121, row?.id])
  })

  async function raw(line: string, headers: [string, string][], body?: string, toHead = false) {
    const connection = await connectRaw(keyturn.origin)
    connection.write(request(line, headers, body))
    const answer = await connection.next(toHead)
    connection.close()
    return answer
  }
})
