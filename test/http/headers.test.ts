import { expect } from 'chai'
import { decodeJwt } from 'jose'
import { ROUTES } from '../../src/http/route-table.ts'
import { type LinkPurpose, makeLinkToken } from '../../src/links/link.ts'
import { linksPostgres } from '../../src/links/links-postgres.ts'
import { startApp, type TestApp, type TestClient } from '../support/app.ts'
import { TestClock } from '../support/clock.ts'
import { FORM, type RawAnswer, request, sendRaw } from '../support/raw-http.ts'

/** Who signs in comes before what the body says. */
const NEEDS_USER = ['/dj-rest-auth/password/change/']
const OPEN = ROUTES.filter(({ open }) => open).map(({ path }) => path)
/** RFC 6749 §5.2. */
const DESCRIPTION = /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/

async function send(keyturn: TestApp, bytes: string): Promise<RawAnswer> {
  const answer = await sendRaw(keyturn.origin, bytes)
  if (!answer) throw new Error('no answer')
  return answer
}

/** What every answer carries, whatever it says. */
function expectSafe(answer: RawAnswer, isKept: boolean): void {
  expect(answer.header('x-content-type-options')).to.equal('nosniff')
  expect(answer.header('referrer-policy')).to.equal('no-referrer')
  expect(answer.header('content-security-policy')).to.equal("default-src 'none'; frame-ancestors 'none'")
  expect(answer.header('x-request-id')).to.match(/^[0-9a-f-]{36}$/)
  expect(answer.header('server')).to.equal(undefined)
  expect(answer.header('x-powered-by')).to.equal(undefined)
  expect(answer.header('set-cookie')).to.equal(undefined)
  if (answer.body !== '')
    expect(answer.header('content-type')).to.match(/^application\/(jwk-set\+)?json(; charset=utf-8)?$/)
  if (isKept) {
    expect(answer.header('cache-control')).to.match(/^public, max-age=\d+/)
    expect(answer.header('pragma')).to.equal(undefined)
  } else {
    expect(answer.header('cache-control')).to.equal('no-store')
    expect(answer.header('pragma')).to.equal('no-cache')
    expect(answer.header('etag')).to.equal(undefined)
  }
  const names = answer.headers.map(([name]) => name)
  expect(new Set(names).size, 'a header twice').to.equal(names.length)
}

describe('the headers of answers', () => {
  let keyturn: TestApp
  let client: TestClient
  let alice: { id: string }
  before(async () => {
    keyturn = await startApp({
      environment: {
        KEYTURN_TRUSTED_PROXIES: '10.0.0.0/8,2001:db8::/32',
        // Nothing is sent: the address is nobody's.
        KEYTURN_SMTP_URL: 'smtp://127.0.0.1:9',
        KEYTURN_MAIL_FROM: 'no-reply@example.com',
        KEYTURN_PASSWORD_RESET_URL: 'https://app.example.com/reset/{uid}/{token}',
        KEYTURN_REGISTRATION: 'open',
        KEYTURN_EMAIL_VERIFICATION: 'optional',
        KEYTURN_VERIFY_EMAIL_URL: 'https://app.example.com/verify/{key}',
      },
    })
    client = await keyturn.createClient()
    alice = await keyturn.createUser('alice', { email: 'alice@example.com' })
    await (await keyturn.administration.clients()).enable('django', 'operator')
  })

  for (const { method, path } of ROUTES) {
    it(`S-018 ${method} ${path} is safe to show and kept by nobody who should not, when it succeeds and when not`, async () => {
      const success = await send(keyturn, await goodRequest(method, path))
      const created = path.endsWith('/registration/') ? 201 : 200
      expect(success.status).to.equal(method === 'DELETE' ? 204 : created)
      expectSafe(success, OPEN.includes(path))
      const other = ROUTES.some((route) => route.path === path && route.method === 'PUT') ? 'DELETE' : 'PUT'
      const failures = [
        [`${other} ${path}`, 405],
        [`POST ${path}/`, 404],
        ...(method === 'POST' ? ([[`POST ${path}`, NEEDS_USER.includes(path) ? 401 : 400]] as const) : []),
      ] as const
      for (const [line, status] of failures) {
        const failure = await send(keyturn, request(line, [FORM], '%'))
        expect(failure.status, line).to.equal(status)
        expectSafe(failure, false)
      }
    })
  }

  /** A request that succeeds; each to the account by a login of its own. */
  async function goodRequest(method: string, path: string): Promise<string> {
    if (path.startsWith('/account/')) {
      const account = await keyturn.createClient({ scopes: ['account'], audiences: [] })
      const { access_token: token } = (await keyturn.signIn(account, 'alice')).body
      const line = `${method} ${path.replace(':id', String(decodeJwt(token)['sid']))}`
      return request(line, [['Authorization', `Bearer ${token}`]])
    }
    if (/^\/(api|dj-rest-auth)/.test(path)) return goodDjangoRequest(method, path)
    if (method === 'GET') return request(`GET ${path}`)
    const authorized = `client_id=${client.id}&client_secret=${client.secret}&`
    return request(`POST ${path}`, [FORM], `${authorized}token=x&grant_type=client_credentials`)
  }

  async function goodDjangoRequest(method: string, path: string): Promise<string> {
    const django = { id: 'django' }
    const { access_token: access, refresh_token: refresh } = (await keyturn.signIn(django, 'alice')).body
    if (method === 'GET') return request(`GET ${path}`, [['Authorization', `Bearer ${access}`]])
    const { password } = keyturn
    const link = makeLinkToken()
    if (path.endsWith('/confirm/')) await addLink('password_reset', link.digest)
    if (path.endsWith('/verify-email/')) await addLink('verify_email', link.digest)
    const body = JSON.stringify({
      username: path.endsWith('/registration/') ? 'bob' : 'alice',
      password,
      password1: password,
      password2: password,
      key: link.token,
      refresh,
      token: path.includes('/reset/') ? link.token : access,
      uid: Buffer.from(alice.id).toString('base64url'),
      email: 'nobody@example.com',
      new_password1: password,
      new_password2: password,
    })
    const isSigned = method !== 'POST' || NEEDS_USER.includes(path)
    const headers = [
      ['Content-Type', 'application/json'],
      ...(isSigned ? ([['Authorization', `Bearer ${access}`]] as const) : []),
    ] as const
    return request(`${method} ${path}`, headers, body)
  }

  async function addLink(purpose: LinkPurpose, digest: Buffer): Promise<void> {
    const links = linksPostgres(keyturn.stores.database)
    const userId = alice.id
    await links.add({ purpose, digest, userId, email: 'alice@example.com' }, new TestClock().now())
  }

  it('S-018 what is no request gets the same headers', async () => {
    const notRequests = [
      'nothing\r\n\r\n',
      request('GET /livez', [['X', 'a'.repeat(20_000)]]),
      'GET / HTTP/1.1\r\n\r\n',
    ]
    for (const bytes of [...notRequests, request('GET http://x/')])
      expectSafe(await send(keyturn, bytes), false)
  })

  it('S-018 HSTS is said where the issuer is HTTPS, and only there', async () => {
    const secure = await startApp({
      environment: { KEYTURN_ISSUER: 'https://id.example.com', KEYTURN_EMBEDDED: '1' },
      stores: keyturn.stores,
    })
    for (const bytes of [request('GET /livez'), request('GET /nothing'), 'nothing\r\n\r\n']) {
      const told = (await send(secure, bytes)).header('strict-transport-security')
      expect(Number(/^max-age=(\d+); includeSubDomains$/.exec(told ?? '')?.[1])).to.be.at.least(
        365 * 24 * 3600,
      )
      expect((await send(keyturn, bytes)).header('strict-transport-security')).to.equal(undefined)
    }
  })

  it('S-019 no input comes back, in a body or in a header', async () => {
    const marks = [
      '<script>alert(1)</script>',
      '"\'\\`',
      'x\r\nSet-Cookie: a=b',
      'ünïcödé \u202e',
      '{{7*7}}%s%n',
    ]
    for (const mark of marks) {
      const value = encodeURIComponent(mark)
      const forms = [
        `grant_type=${value}`,
        `grant_type=client_credentials&scope=${value}`,
        `grant_type=client_credentials&resource=${value}`,
        `grant_type=refresh_token&refresh_token=${value}`,
        `grant_type=password&username=${value}&password=${value}`,
      ]
      const own = `&client_id=${client.id}&client_secret=${client.secret}`
      for (const form of [
        ...forms.map((start) => start + own),
        `grant_type=client_credentials&client_id=${value}`,
      ]) {
        const answer = await send(
          keyturn,
          request('POST /oauth/token', [FORM, ['X-Request-Id', 'mark']], form),
        )
        expect(answer.status, form).to.be.oneOf([400, 401])
        expect(JSON.parse(answer.body).error_description).to.match(DESCRIPTION)
        const everything = JSON.stringify([answer.headers, answer.body, JSON.parse(answer.body)])
        for (const part of ['<script', 'alert', '\u202e', 'Set-Cookie', 'ünï', '7*7', 'mark']) {
          expect(everything, form).not.to.include(part)
        }
      }
    }
  })

  it('S-022 S-023 who we are comes from the configuration, whatever a header says', async () => {
    const headers: [string, string][] = [
      ['Host', 'evil.example'],
      ['X-Forwarded-Host', 'evil.example'],
      ['X-Forwarded-Proto', 'https'],
      ['X-Forwarded-Port', '666'],
      ['X-Forwarded-Prefix', '/evil'],
      ['Forwarded', 'for=1.2.3.4;host=evil.example;proto=https'],
      ['X_Forwarded_For', '1.2.3.4'],
      ['X-Original-URL', '/nothing'],
      ['X-Rewrite-URL', '/nothing'],
    ]
    for (const path of ['/.well-known/openid-configuration', '/.well-known/jwks.json']) {
      const [plain, lied] = [
        await send(keyturn, request(`GET ${path}`)),
        await send(keyturn, request(`GET ${path}`, headers)),
      ]
      expect(lied.body).to.equal(plain.body)
      expect(JSON.stringify(lied.headers)).not.to.match(/evil|https:/)
    }
    const form = `grant_type=client_credentials&client_id=${client.id}&client_secret=${client.secret}`
    const { access_token: token } = JSON.parse(
      (await send(keyturn, request('POST /oauth/token', [FORM, ...headers], form))).body,
    )
    expect(JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString()).iss).to.equal(
      keyturn.config.issuer,
    )
  })

  it('S-022 an address that a stranger claims is not believed, in the log or the audit', async () => {
    const claims: [string, string][] = [
      ['X-Forwarded-For', '203.0.113.9'],
      ['X-Real-IP', '203.0.113.9'],
      ['Forwarded', 'for=203.0.113.9'],
      ['X_Forwarded_For', '203.0.113.9'],
    ]
    const token = (await keyturn.signIn(client, 'alice')).body.refresh_token
    const form = `token=${token}&client_id=${client.id}&client_secret=${client.secret}`
    const answer = await send(keyturn, request('POST /oauth/revoke', [FORM, ...claims], form))
    expect(answer.status).to.equal(200)
    expect(keyturn.logger.lines.at(-1)?.fields).to.include({ path: '/oauth/revoke', address: '127.0.0.1' })
    const rows = await keyturn.stores.database.query(
      "select address, request_id from audit_events where event = 'family.ended' and client_id = $1",
      [client.id],
    )
    expect(rows).to.deep.equal([{ address: '127.0.0.1', request_id: answer.header('x-request-id') }])
  })
})
