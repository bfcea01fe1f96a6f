import { expect } from 'chai'
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose'
import { type Authenticator, authenticateByFirst } from '../../src/http/authenticators/authenticator.ts'
import { DjangoError } from '../../src/http/django/django-error.ts'
import { type Answer, startApp, type TestApp } from '../support/app.ts'
import { TestClock } from '../support/clock.ts'

const JSON_TYPE = { 'content-type': 'application/json' }
const FORTY_HEX = /^[0-9a-f]{40}$/

/** The rows of docs/from-django.md that no other test of this folder is about. */
describe('what a Django project was promised', () => {
  let keyturn: TestApp
  let clock: TestClock
  beforeEach(async () => {
    clock = new TestClock(undefined, { autoAdvance: true })
    keyturn = await startApp({ clock })
    await keyturn.createUser('alice', { email: 'alice@example.com' })
    await (await keyturn.administration.clients()).enable('django', 'operator')
  })

  const post = (path: string, body: object, at = keyturn): Promise<Answer> =>
    at.send('POST', path, JSON.stringify(body), JSON_TYPE)
  const signIn = async () =>
    (await post('/api/token/', { username: 'alice', password: keyturn.password })).body as {
      access: string
      refresh: string
    }
  const authtoken = async (): Promise<string> =>
    (await post('/api-token-auth/', { username: 'alice', password: keyturn.password })).body.token
  const visit = (authorization: string, at = keyturn) => at.get('/api/protected/', { authorization })

  it('2: an access token is verified with the published keys alone', async () => {
    const { access } = await signIn()
    const keys = createRemoteJWKSet(new URL('/.well-known/jwks.json', keyturn.origin))
    const { issuer } = keyturn.config
    const options = {
      issuer,
      audience: issuer,
      typ: 'at+jwt',
      algorithms: ['RS256'],
      currentDate: clock.now(),
    }
    expect((await jwtVerify(access, keys, options)).payload.sub).to.be.a('string')
    const forged = `${access.slice(0, -8)}AAAAAAAA`
    const refused = await jwtVerify(forged, keys, options).catch(({ code }) => code)
    expect(refused).to.equal('ERR_JWS_SIGNATURE_VERIFICATION_FAILED')
  })

  it('4: it says whose it is, of which kind, and how long it is good', async () => {
    const claims = decodeJwt((await signIn()).access)
    const { id } = await (await keyturn.administration.users()).show('alice')
    expect(claims).to.include({ sub: id, user_id: id, username: 'alice', token_type: 'access' })
    expect(claims).to.include.keys('iat', 'exp', 'jti')
    // Whom a resource server trusts is its own business.
    expect(claims).not.to.have.any.keys('is_staff', 'is_superuser', 'email')
  })

  it('7: declined: a key without a scheme word is refused, and never taken for nobody in particular', async () => {
    const key = await authtoken()
    const answer = await visit(key)
    expect(answer.status).to.equal(401)
    expect(answer.headers.get('www-authenticate')).to.match(/^Bearer /)
    // Control.
    expect((await visit(`Token ${key}`)).status).to.equal(200)
  })

  it('8: declined: a key in the URL is no credential', async () => {
    const key = await authtoken()
    for (const name of ['token', 'access_token', 'api_key', 'key'])
      expect((await keyturn.get(`/api/protected/?${name}=${key}`)).status, name).to.equal(401)
    expect(JSON.stringify(keyturn.logger.lines)).not.to.include(key)
  })

  it('9: access tokens and authtokens are two things, and both are there', async () => {
    const { access } = await signIn()
    const key = await authtoken()
    expect(key).to.match(FORTY_HEX)
    expect(access).not.to.match(FORTY_HEX)
    for (const authorization of [`Bearer ${access}`, `Token ${key}`])
      expect((await visit(authorization)).status).to.equal(200)
    expect((await visit(`Token ${access}`)).status).to.equal(401)
  })

  it('22, 55: one login, and no password goes over the wire for as long as the session lives', async () => {
    let { access, refresh } = await signIn()
    for (let day = 0; day < 30; day += 1) {
      clock.advance(86_400_000)
      await keyturn.app.reloadKeys() // which a node does every few seconds
      expect((await visit(`Bearer ${access}`)).status).to.equal(401)
      const { body } = await post('/api/token/refresh/', { refresh })
      ;({ access, refresh } = body)
      expect((await visit(`Bearer ${access}`)).status).to.equal(200)
    }
  })

  it('24: a user has what Django’s has, and signs in by username or by e-mail address', async () => {
    const user = await (await keyturn.administration.users()).show('alice')
    expect(user).to.include({ username: 'alice', email: 'alice@example.com', isActive: true })
    expect(user).to.include({ isStaff: false, isSuperuser: false })
    expect(user).to.include.keys('joinedAt', 'lastLoginAt', 'extra')
    for (const username of ['alice', 'alice@example.com', 'ALICE@example.com']) {
      const answer = await post('/api/token/', { username, password: keyturn.password })
      expect(answer.status, username).to.equal(200)
    }
  })

  it('40: an access token lives ten minutes, or what its client was given', async () => {
    const lifetime = (token: string) => {
      const { iat = 0, exp = 0 } = decodeJwt(token)
      return exp - iat
    }
    expect(lifetime((await signIn()).access)).to.equal(600)
    const client = await keyturn.createClient({ accessTokenTtlSeconds: 900 })
    expect(lifetime((await keyturn.signIn(client, 'alice')).body.access_token)).to.equal(900)
  })

  it('46: whether a token was revoked is answered by introspection, at once', async () => {
    const { access, refresh } = await signIn()
    const resourceServer = await keyturn.createClient({
      grants: [],
      scopes: [],
      isFirstParty: false,
      audiences: [keyturn.config.issuer],
    })
    const isActive = async () =>
      (await keyturn.post('/oauth/introspect', { token: access }, resourceServer)).body.active
    expect(await isActive()).to.equal(true)
    await post('/api/token/blacklist/', { refresh })
    expect(await isActive()).to.equal(false)
  })

  it('47: any node answers for any other, and no session sticks to one', async () => {
    const other = await startApp({ stores: keyturn.stores, clock })
    let { access, refresh } = await signIn()
    for (const node of [other, keyturn, other]) {
      expect((await visit(`Bearer ${access}`, node)).status).to.equal(200)
      ;({ access, refresh } = (await post('/api/token/refresh/', { refresh }, node)).body)
    }
    expect((await visit(`Bearer ${access}`)).status).to.equal(200)
  })

  it('49: a token reaches what its scope says, which may be less than its client’s and never more', async () => {
    const client = await keyturn.createClient({ scopes: ['read', 'write'] })
    const whole = (await keyturn.signIn(client, 'alice')).body
    expect(whole.scope).to.equal('read write')
    const less = await keyturn.refresh(client, whole.refresh_token, { scope: 'read' })
    expect(decodeJwt(less.body.access_token)['scope']).to.equal('read')
    const more = await keyturn.signIn(client, 'alice', { scope: 'read admin' })
    expect([more.status, more.body.error]).to.deep.equal([400, 'invalid_scope'])
  })

  it('51: no answer with a token may be kept by a cache', async () => {
    const { refresh } = await signIn()
    for (const [path, body] of [
      ['/api/token/', { username: 'alice', password: keyturn.password }],
      ['/api/token/refresh/', { refresh }],
      ['/api-token-auth/', { username: 'alice', password: keyturn.password }],
    ] as const) {
      const answer = await post(path, body)
      expect([answer.status, answer.headers.get('cache-control')], path).to.deep.equal([200, 'no-store'])
    }
  })

  it('57: who signed in, who failed to, and what ended are in the audit log', async () => {
    const { refresh } = await signIn()
    await post('/api/token/', { username: 'alice', password: 'wrong' })
    await post('/api/token/blacklist/', { refresh })
    await keyturn.app.close()
    const rows = await (await keyturn.administration.audit()).tail({ limit: 50 })
    const events: string[] = rows.map(({ event }) => event)
    for (const event of ['session.begun', 'login.refused', 'family.ended']) expect(events).to.include(event)
  })
})

describe('what an authentication class was promised', () => {
  const nobody: Authenticator = { challenge: 'First', authenticate: async () => null }
  const alice = {
    userId: '1',
    username: 'alice',
    sessionId: null,
    scope: [],
    authtokenId: null,
    mayManageAccount: true,
  }
  const knows: Authenticator = { challenge: 'Second', authenticate: async () => alice }
  const refuses: Authenticator = {
    challenge: 'Third',
    authenticate: async () => {
      throw new DjangoError(401, { detail: 'Invalid token.' }, 'authtoken_unknown')
    },
  }
  const ctx = {} as never
  const outcomeOf = (authenticators: Authenticator[]) =>
    authenticateByFirst(authenticators)(ctx).catch((error: unknown) => error)

  it('31, 32: one that was not attempted passes the request on to the next', async () => {
    expect(await outcomeOf([nobody, knows])).to.equal(alice)
  })

  it('33, 34: one that failed ends it, under the challenge of the first', async () => {
    const error = (await outcomeOf([nobody, refuses, knows])) as DjangoError
    expect(error).to.be.instanceOf(DjangoError)
    expect(error.headers).to.deep.equal({ 'www-authenticate': 'First' })
  })

  it('35: one that breaks is a fault, and never counts as not attempted', async () => {
    const broken: Authenticator = {
      challenge: 'Broken',
      authenticate: async () => {
        throw new TypeError('cannot read properties of undefined')
      },
    }
    expect(await outcomeOf([broken, knows])).to.be.instanceOf(TypeError)
  })
})
