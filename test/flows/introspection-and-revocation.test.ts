import { expect } from 'chai'
import { MODES, openMortalStores, startApp, type TestApp, type TestClient } from '../support/app.ts'
import { TestClock } from '../support/clock.ts'

const INACTIVE = { active: false }

for (const mode of MODES) {
  describe(`introspection and revocation, ${mode}`, () => {
    let clock: TestClock
    let keyturn: TestApp
    let client: TestClient
    let tokens: { access_token: string; refresh_token: string }

    beforeEach(async () => {
      clock = new TestClock(undefined, { autoAdvance: true })
      keyturn = await startApp({ mode, clock })
      client = await keyturn.createClient()
      await keyturn.createUser('alice')
      tokens = (await keyturn.signIn(client, 'alice')).body
    })

    const introspect = async (token: string, caller = client) => {
      return (await keyturn.post('/oauth/introspect', { token }, caller)).body
    }
    const revoke = (token: string, caller = client, form = {}) => {
      return keyturn.post('/oauth/revoke', { token, ...form }, caller)
    }

    it('an access token is active, with what a Django resource server needs', async () => {
      const body = await introspect(tokens.access_token)
      expect(body).to.include({ active: true, username: 'alice', client_id: client.id, scope: 'read write' })
      expect(body).to.include.all.keys('exp', 'iat', 'sub', 'aud', 'iss', 'jti', 'sid')
    })

    it('S-128 an expired one is not', async () => {
      clock.advance(600_000)
      await keyturn.app.reloadKeys()
      expect(await introspect(tokens.access_token)).to.deep.equal(INACTIVE)
    })

    it('S-127 a caller that the token is not for learns nothing', async () => {
      const stranger = await keyturn.createClient({ audiences: ['https://other.example.com'] })
      expect(await introspect(tokens.access_token, stranger)).to.deep.equal(INACTIVE)
      expect(await introspect(tokens.refresh_token, stranger)).to.deep.equal(INACTIVE)
    })

    it('a resource server may ask about tokens for a name it answers to, another client that may request it not', async () => {
      const api = await keyturn.createClient({ grants: [], audiences: ['https://api.example.com'] })
      expect(await introspect(tokens.access_token, api)).to.include({ active: true })
      expect(await introspect(tokens.access_token, await keyturn.createClient())).to.deep.equal(INACTIVE)
    })

    it('S-126 S-035 nobody asks without a secret', async () => {
      const open = await keyturn.createClient({ isPublic: true })
      for (const caller of [open, { id: client.id }]) {
        const { status, body } = await keyturn.post(
          '/oauth/introspect',
          { token: tokens.access_token },
          caller,
        )
        expect([status, body.error]).to.deep.equal([401, 'invalid_client'])
      }
      expect((await keyturn.post('/oauth/introspect', { token: tokens.access_token })).status).to.equal(401)
    })

    it('a refresh token is active while presenting it would succeed', async () => {
      expect(await introspect(tokens.refresh_token)).to.include({ active: true, username: 'alice' })
      const next = (await keyturn.refresh(client, tokens.refresh_token)).body.refresh_token
      expect(await introspect(next)).to.include({ active: true })
      expect(await introspect(tokens.refresh_token), 'in its retry window').to.include({ active: true })
      await keyturn.refresh(client, next)
      expect(await introspect(tokens.refresh_token), 'spent').to.deep.equal(INACTIVE)
    })

    it('S-120 a revoked refresh token is dead on every node, inside the window too, and its access tokens with it', async () => {
      const other = await startApp({ stores: keyturn.stores, clock })
      const next = (await keyturn.refresh(client, tokens.refresh_token)).body
      expect((await revoke(next.refresh_token)).status).to.equal(200)
      for (const node of [keyturn, other]) {
        for (const token of [tokens.refresh_token, next.refresh_token]) {
          expect((await node.refresh(client, token)).body.error).to.equal('invalid_grant')
        }
      }
      for (const token of [tokens.access_token, next.access_token, next.refresh_token]) {
        expect(await introspect(token)).to.deep.equal(INACTIVE)
      }
    })

    it('S-120 revoking a spent refresh token ends the family as well', async () => {
      const next = (await keyturn.refresh(client, tokens.refresh_token)).body
      await revoke(tokens.refresh_token)
      expect((await keyturn.refresh(client, next.refresh_token)).body.error).to.equal('invalid_grant')
    })

    it('S-121 a revoked access token is inactive, and the session goes on', async () => {
      expect((await revoke(tokens.access_token)).status).to.equal(200)
      expect(await introspect(tokens.access_token)).to.deep.equal(INACTIVE)
      expect((await keyturn.refresh(client, tokens.refresh_token)).status).to.equal(200)
    })

    it('S-122 a stranger gets 200 and ends nothing', async () => {
      const stranger = await keyturn.createClient()
      for (const token of [
        tokens.access_token,
        tokens.refresh_token,
        'rubbish',
        'rt1.rubbish',
        `${tokens.access_token}x`,
      ]) {
        const { status, text } = await revoke(token, stranger)
        expect([status, text]).to.deep.equal([200, '{}'])
      }
      expect(await introspect(tokens.access_token)).to.include({ active: true })
      expect((await keyturn.refresh(client, tokens.refresh_token)).status).to.equal(200)
    })

    it('S-123 a wrong hint does not hide a token', async () => {
      await revoke(tokens.refresh_token, client, { token_type_hint: 'access_token' })
      expect((await keyturn.refresh(client, tokens.refresh_token)).body.error).to.equal('invalid_grant')
    })

    it('S-128 nothing of a disabled user, a disabled client or an ended session is active', async () => {
      await (await keyturn.administration.users()).disable('alice', 'operator')
      expect(await introspect(tokens.access_token)).to.deep.equal(INACTIVE)
      const own = (await keyturn.post('/oauth/token', { grant_type: 'client_credentials' }, client)).body
        .access_token
      const api = await keyturn.createClient({ grants: [], audiences: ['https://api.example.com'] })
      expect(await introspect(own, api)).to.include({ active: true })
      await (await keyturn.administration.clients()).disable(client.id, 'operator')
      expect(await introspect(own, api)).to.deep.equal(INACTIVE)
    })

    it('R-41 what was revoked stays revoked when Redis forgets everything', async () => {
      await revoke(tokens.refresh_token)
      await keyturn.flushRedis()
      expect((await keyturn.refresh(client, tokens.refresh_token)).body.error).to.equal('invalid_grant')
    })

    it('records of revoked access tokens go once the tokens have expired', async () => {
      await revoke(tokens.access_token)
      clock.advance(5_000_000)
      await keyturn.app.reloadKeys()
      const next = (await keyturn.signIn(client, 'alice')).body
      await revoke(next.access_token)
      const rows = await keyturn.stores.database.query('select jti from revoked_access_tokens')
      expect(rows).to.have.length(1)
    })
  })
}

describe('when the record cannot be asked', () => {
  it('R-43 S-124 a revocation is 503, never 200; a refresh is 503, never invalid_grant', async () => {
    const { stores, server } = await openMortalStores('standard')
    const keyturn = await startApp({ stores })
    const client = await keyturn.createClient()
    await keyturn.createUser('alice')
    const { body } = await keyturn.signIn(client, 'alice')
    await server.kill()
    const answers = [
      await keyturn.post('/oauth/revoke', { token: body.refresh_token }, client),
      await keyturn.post('/oauth/revoke', { token: body.access_token }, client),
      await keyturn.post('/oauth/introspect', { token: body.access_token }, client),
      await keyturn.refresh(client, body.refresh_token),
      await keyturn.signIn(client, 'alice'),
    ]
    for (const { status, headers, body: answer } of answers) {
      expect([status, answer.error]).to.deep.equal([503, 'temporarily_unavailable'])
      expect(Number(headers.get('retry-after'))).to.be.greaterThan(0)
    }
    expect((await keyturn.get('/.well-known/jwks.json')).status, 'S-162 the keys are in memory').to.equal(200)
    expect((await keyturn.get('/livez')).status).to.equal(200)
  })
})
