import { expect } from 'chai'
import { decodeJwt } from 'jose'
import { MODES, startApp, type TestApp, type TestClient } from '../support/app.ts'
import { TestClock } from '../support/clock.ts'
import { noteSecret } from '../support/secrets.ts'

const API = 'https://api.example.com'
const EXCHANGE = {
  grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
  subject_token_type: 'urn:keyturn:token-type:api-key',
}
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'

for (const mode of MODES) {
  describe(`token exchange (RFC 8693), ${mode}`, () => {
    let keyturn: TestApp
    let clock: TestClock
    let resourceServer: TestClient

    beforeEach(async () => {
      clock = new TestClock(undefined, { autoAdvance: true })
      keyturn = await startApp({ mode, clock })
      await keyturn.createUser('alice')
      resourceServer = await keyturn.createClient({ grants: [], scopes: [], isFirstParty: false })
    })

    async function makeKey(details: object = {}): Promise<{ id: string; key: string }> {
      const apiKeys = await keyturn.administration.apiKeys()
      const made = await apiKeys.create(
        { name: 'report', user: 'alice', scopes: ['read', 'write'], audiences: [API], ...details },
        'operator',
      )
      noteSecret(made.key)
      return made
    }
    const exchange = (key: string, form: Record<string, string> = {}) =>
      keyturn.post('/oauth/token', { ...EXCHANGE, subject_token: key, ...form })
    const introspect = async (token: string) =>
      (await keyturn.post('/oauth/introspect', { token }, resourceServer)).body

    it('6: an API key is exchanged for an access token of its user, and for no refresh token', async () => {
      const { id, key } = await makeKey({ accessTokenTtlSeconds: 120 })
      const { status, body } = await exchange(key)
      expect(status).to.equal(200)
      expect(body).to.include({ token_type: 'Bearer', expires_in: 120, scope: 'read write' })
      expect(body).to.include({ issued_token_type: ACCESS_TOKEN }).and.not.have.property('refresh_token')
      const claims = decodeJwt(body.access_token)
      expect(claims).to.include({ username: 'alice', aud: API, client_id: id, key_id: id })
      expect(claims['user_id']).to.equal(claims.sub)
      expect(claims).not.to.have.any.keys('sid', 'fid')
      expect(await introspect(body.access_token)).to.include({ active: true, key_id: id, username: 'alice' })
    })

    it('a key of nobody’s acts for itself', async () => {
      const { id, key } = await makeKey({ user: undefined })
      const claims = decodeJwt((await exchange(key)).body.access_token)
      expect(claims.sub).to.equal(id)
      expect(claims).not.to.have.any.keys('username', 'user_id')
    })

    it('49: the token reaches what the key reaches, or less', async () => {
      const { key } = await makeKey()
      expect((await exchange(key, { scope: 'read', resource: API })).body.scope).to.equal('read')
      expect((await exchange(key, { audience: API })).status).to.equal(200)
      const refusals = [
        await exchange(key, { scope: 'admin' }),
        await exchange(key, { scope: 'account' }),
        await exchange(key, { resource: 'https://other.example.com' }),
      ]
      expect(refusals.map(({ status, body }) => [status, body.error])).to.deep.equal([
        [400, 'invalid_scope'],
        [400, 'invalid_scope'],
        [400, 'invalid_target'],
      ])
    })

    it('a revoked key gets no token, and those that were issued for it are inactive', async () => {
      const { id, key } = await makeKey()
      const other = await makeKey()
      const [{ body }, { body: others }] = [await exchange(key), await exchange(other.key)]
      await (await keyturn.administration.apiKeys()).revoke(id, 'operator')
      expect((await exchange(key)).body.error).to.equal('invalid_grant')
      expect(await introspect(body.access_token)).to.deep.equal({ active: false })
      expect((await introspect(others.access_token)).active).to.equal(true)
    })

    it('a disabled user’s key is worth nothing, nor are its tokens', async () => {
      const { key } = await makeKey()
      const { body } = await exchange(key)
      await (await keyturn.administration.users()).disable('alice', 'operator')
      expect((await exchange(key)).body.error).to.equal('invalid_grant')
      expect(await introspect(body.access_token)).to.deep.equal({ active: false })
    })

    it('what is no such request is refused before anything is looked up', async () => {
      const { key } = await makeKey()
      const client = await keyturn.createClient()
      const answers = [
        await keyturn.post('/oauth/token', EXCHANGE),
        await exchange(key, { subject_token_type: ACCESS_TOKEN }),
        await exchange(key, { requested_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' }),
        await exchange(key, { actor_token: 'x' }),
        await exchange(key, { client_id: client.id }),
        await keyturn.post('/oauth/token', { ...EXCHANGE, subject_token: key }, client),
      ]
      for (const { status, body } of answers)
        expect([status, body.error]).to.deep.equal([400, 'invalid_request'])
      expect((await exchange('no.key')).body.error).to.equal('invalid_grant')
    })

    it('an authtoken is introspected by resource servers alone', async () => {
      await (await keyturn.administration.clients()).enable('django', 'operator')
      const body = JSON.stringify({ username: 'alice', password: keyturn.password })
      const headers = { 'content-type': 'application/json' }
      const { token } = (await keyturn.send('POST', '/api-token-auth/', body, headers)).body
      expect(await introspect(token)).to.include({ active: true, token_type: 'Token', username: 'alice' })
      const client = await keyturn.createClient()
      expect((await keyturn.post('/oauth/introspect', { token }, client)).body).to.deep.equal({
        active: false,
      })
      await (await keyturn.administration.users()).disable('alice', 'operator')
      expect(await introspect(token)).to.deep.equal({ active: false })
    })
  })
}
