import { expect } from 'chai'
import { type Answer, MODES, startApp, type TestApp } from '../support/app.ts'

const JSON_TYPE = { 'content-type': 'application/json' }
const ENVIRONMENT = { KEYTURN_REST_AUTH: 'cookie' }
const OWN = 'http://localhost:7600'
const FOREIGN = ['https://evil.example', 'null', 'http://localhost:7601', `${OWN}.evil.example`]

const said = ({ status, body }: Answer) => [status, body]
const csrfFailed = (why: string) => [403, { detail: `CSRF Failed: ${why}` }]
const noRefresh = [401, { detail: 'No valid refresh token found.', code: 'token_not_valid' }]

/** What a browser keeps of an answer: the values, and what each cookie was set with. */
class Jar {
  readonly values = new Map<string, string>()
  readonly attributes = new Map<string, string>()

  keep(answer: Answer): void {
    for (const cookie of answer.headers.getSetCookie()) {
      const [, name = '', value = '', attributes = ''] = /^([^=]+)=([^;]*); (.*)$/.exec(cookie) ?? []
      this.attributes.set(name, attributes.replace(/expires=[^;]*/, 'expires'))
      if (value === '') this.values.delete(name)
      else this.values.set(name, value)
    }
  }

  /** Whatever the path: what a path keeps back, a test leaves out by name. */
  header(...without: string[]): string {
    const sent = [...this.values].filter(([name]) => !without.includes(name))
    return sent.map(([name, value]) => `${name}=${value}`).join('; ')
  }
}

async function signInWithBrowser(options: Parameters<typeof startApp>[0] = {}) {
  const keyturn = await startApp({ environment: ENVIRONMENT, ...options })
  const alice = await keyturn.createUser('alice')
  await (await keyturn.administration.clients()).enable('django', 'operator')
  const jar = new Jar()
  const send = async (path: string, body: unknown = {}, headers: Record<string, string> = {}) => {
    const own = { ...JSON_TYPE, origin: OWN, cookie: jar.header(), ...headers }
    const answer = await keyturn.send('POST', `/dj-rest-auth/${path}`, JSON.stringify(body), own)
    jar.keep(answer)
    return answer
  }
  const login = await send('login/', { username: 'alice', password: keyturn.password })
  const csrf = () => ({ 'x-csrftoken': jar.values.get('csrftoken') ?? '' })
  const user = (cookie = jar.header()) => keyturn.get('/dj-rest-auth/user/', { cookie })
  return { keyturn, alice, jar, send, login, csrf, user }
}

async function isActive(keyturn: TestApp, token = ''): Promise<boolean> {
  const audiences = [keyturn.config.issuer]
  const resourceServer = await keyturn.createClient({
    grants: [],
    scopes: [],
    isFirstParty: false,
    audiences,
  })
  return (await keyturn.post('/oauth/introspect', { token }, resourceServer)).body.active
}

for (const mode of MODES) {
  describe(`the Django door, dj-rest-auth with cookies, ${mode}`, () => {
    it('18, 38, 50: a browser signs in, is known by its cookie, refreshes and signs out', async () => {
      const { keyturn, alice, jar, send, login, csrf, user } = await signInWithBrowser({ mode })
      expect(login.status).to.equal(200)
      expect(login.body).to.have.keys('access', 'refresh', 'user')
      expect(login.body.refresh).to.equal('')
      expect((await user()).body.pk).to.equal(alice.id)

      const first = { ...Object.fromEntries(jar.values) }
      const refreshed = await send('token/refresh/', {}, csrf())
      expect(refreshed.body).to.have.keys('access', 'access_expiration')
      expect(jar.values.get('refresh')).not.to.equal(first['refresh'])
      expect(jar.values.get('csrftoken')).to.equal(first['csrftoken'])

      const { access } = Object.fromEntries(jar.values)
      const out = await send('logout/', {}, csrf())
      expect(said(out)).to.deep.equal([200, { detail: 'Successfully logged out.' }])
      expect([...jar.values]).to.deep.equal([])
      expect(await isActive(keyturn, access)).to.equal(false)
      expect((await user(`access=${access}`)).status).to.equal(401)
      expect((await user('')).status).to.equal(401)
    })
  })
}

describe('the Django door, dj-rest-auth with cookies', () => {
  it('53: S-102 no script reads the tokens’ cookies, and the refresh token’s goes only where it is needed', async () => {
    const { jar } = await signInWithBrowser()
    const kept = Object.fromEntries(jar.attributes)
    expect(kept).to.deep.equal({
      access: 'path=/; expires; samesite=lax; httponly',
      refresh: 'path=/dj-rest-auth/; expires; samesite=lax; httponly',
      csrftoken: 'path=/; expires; samesite=lax',
    })
  })

  it('S-102 over HTTPS they are Secure, and no other host can have set them', async () => {
    const environment = {
      ...ENVIRONMENT,
      KEYTURN_ISSUER: 'https://id.example.com',
      KEYTURN_EMBEDDED: '1',
    }
    const { jar } = await signInWithBrowser({ environment })
    expect(jar.values.size, 'the origin is another one now').to.equal(0)
    const { keyturn } = await signInWithBrowser({ environment })
    const body = JSON.stringify({ username: 'alice', password: keyturn.password })
    jar.keep(await keyturn.send('POST', '/dj-rest-auth/login/', body, JSON_TYPE))
    expect([...jar.attributes.keys()]).to.deep.equal(['__Host-access', '__Secure-refresh', 'csrftoken'])
    for (const attributes of jar.attributes.values()) expect(attributes).to.include('; secure')
    expect((await keyturn.get('/dj-rest-auth/user/', { cookie: jar.header() })).status).to.equal(200)
  })

  it('S-100 no other site signs a browser in', async () => {
    const { keyturn, send, jar } = await signInWithBrowser()
    jar.values.clear()
    const credentials = { username: 'alice', password: keyturn.password }
    const refused = csrfFailed('Origin checking failed.')
    for (const origin of FOREIGN)
      expect(said(await send('login/', credentials, { origin })), origin).to.deep.equal(refused)
    for (const site of ['cross-site', 'same-site'])
      expect(said(await send('login/', credentials, { origin: '', 'sec-fetch-site': site }))).to.deep.equal(
        refused,
      )
    expect([...jar.values]).to.deep.equal([])
    expect(
      (await send('login/', credentials, { origin: '', 'sec-fetch-site': 'same-origin' })).status,
    ).to.equal(200)
  })

  it('50: S-100 no other site has a browser refresh or sign out, and nothing is used up', async () => {
    const { send, jar, csrf, user } = await signInWithBrowser()
    const before = jar.header()
    for (const path of ['token/refresh/', 'logout/']) {
      for (const origin of FOREIGN)
        expect(said(await send(path, {}, { ...csrf(), origin })), origin).to.deep.equal(
          csrfFailed('Origin checking failed.'),
        )
      expect(said(await send(path))).to.deep.equal(csrfFailed('CSRF token missing.'))
      const wrong = { 'x-csrftoken': 'A'.repeat(32) }
      expect(said(await send(path, {}, wrong))).to.deep.equal(csrfFailed('CSRF token incorrect.'))
      const cookie = jar.header('csrftoken')
      expect(said(await send(path, {}, { ...csrf(), cookie }))).to.deep.equal(
        csrfFailed('CSRF cookie not set.'),
      )
    }
    expect(jar.header()).to.equal(before)
    expect((await user()).status).to.equal(200)
    expect((await send('token/refresh/', {}, csrf())).status).to.equal(200)
  })

  it('S-100 50: no other site has a browser forget its cookies', async () => {
    const { send, jar } = await signInWithBrowser()
    jar.attributes.clear()
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: '', 'sec-fetch-site': 'cross-site' },
    ]) {
      const answer = await send('logout/', {}, { ...headers, cookie: '' })
      expect(said(answer)).to.deep.equal(csrfFailed('Origin checking failed.'))
    }
    expect([...jar.attributes]).to.deep.equal([])
  })

  it('takes a refresh token from nowhere but its cookie', async () => {
    const { send, jar, csrf } = await signInWithBrowser()
    const refresh = jar.values.get('refresh')
    const cookie = jar.header('refresh')
    expect(said(await send('token/refresh/', { refresh }, { ...csrf(), cookie }))).to.deep.equal(noRefresh)
    expect(said(await send('logout/', { refresh }, { ...csrf(), cookie }))).to.deep.equal([
      401,
      { detail: 'Refresh token was not included in cookie data.' },
    ])
  })

  it('has the browser forget the cookies of a session that has ended', async () => {
    const { send, jar, csrf } = await signInWithBrowser()
    const stale = jar.header()
    await send('logout/', {}, csrf())
    const again = { cookie: stale, 'x-csrftoken': /csrftoken=([^;]*)/.exec(stale)?.[1] ?? '' }
    const ended = [401, { detail: 'Token is blacklisted', code: 'token_not_valid' }]
    for (const path of ['token/refresh/', 'logout/']) {
      jar.attributes.clear()
      expect(said(await send(path, {}, again))).to.deep.equal(ended)
      expect([...jar.attributes.keys()]).to.deep.equal(['access', 'refresh', 'csrftoken'])
    }
  })

  it('38: a token in a header sets no cookie, and needs no proof against other sites', async () => {
    const { keyturn, login } = await signInWithBrowser()
    const authorization = `Bearer ${login.body.access}`
    const answer = await keyturn.get('/api/protected/', { authorization })
    expect([answer.status, answer.headers.get('set-cookie')]).to.deep.equal([200, null])
  })

  it('38: a cookie counts for nothing where cookies are not switched on', async () => {
    const { jar, keyturn: one } = await signInWithBrowser()
    const other = await startApp({ stores: one.stores })
    expect((await one.get('/api/protected/', { cookie: jar.header() })).status).to.equal(200)
    expect((await other.get('/api/protected/', { cookie: jar.header() })).status).to.equal(401)
  })
})
