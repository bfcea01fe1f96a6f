import { expect } from 'chai'
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { publishToActivateSeconds } from '../../src/keys/schedule.ts'
import { age, SCHEDULE } from '../keys/fixtures.ts'
import { MODES, startApp, type TestApp, type TestClient } from '../support/app.ts'
import { TestClock } from '../support/clock.ts'

for (const mode of MODES) {
  describe(`a signing key that is revoked, ${mode}`, () => {
    let clock: TestClock
    let keyturn: TestApp
    let client: TestClient
    let tokens: { access_token: string; refresh_token: string }

    beforeEach(async () => {
      // The database's clock says when a key was revoked. This one's is ten seconds behind it, which costs nobody a token.
      clock = new TestClock(new Date(Date.now() - 10_000), { autoAdvance: true })
      keyturn = await startApp({ mode, clock })
      client = await keyturn.createClient({ audiences: ['http://localhost:7600'], scopes: ['account'] })
      await keyturn.createUser('alice')
      tokens = (await keyturn.signIn(client, 'alice')).body
    })

    const introspect = async (token: string) => {
      return (await keyturn.post('/oauth/introspect', { token }, client)).body
    }
    const account = (token: string) => {
      return keyturn.get('/account/api/sessions', { authorization: `Bearer ${token}` })
    }
    const refresh = async () => {
      const { status, body } = await keyturn.refresh(client, tokens.refresh_token)
      expect(status).to.equal(200)
      return body.access_token as string
    }
    const kidOf = (token: string) => String(decodeProtectedHeader(token).kid)
    const revoke = async (kid: string) => {
      await (await keyturn.administration.keys()).revokeKey(kid, 'operator')
      await keyturn.app.reloadKeys()
    }
    const verifies = async (token: string) => {
      const { body } = await keyturn.get('/.well-known/jwks.json')
      const verified = jwtVerify(token, createLocalJWKSet(body), { currentDate: clock.now() })
      return verified.then(
        () => true,
        () => false,
      )
    }

    it('K-32 ends its access tokens and no session: a refresh gets a token of the next key at once', async () => {
      const old = tokens.access_token
      expect([await introspect(old), (await account(old)).status, await verifies(old)]).to.deep.include(200)
      await revoke(kidOf(old))
      expect(await introspect(old)).to.deep.equal({ active: false })
      expect((await account(old)).status).to.equal(401)
      expect(await verifies(old)).to.equal(false)

      const fresh = await refresh()
      expect(kidOf(fresh)).not.to.equal(kidOf(old))
      expect(await introspect(fresh)).to.include({ active: true, username: 'alice' })
      expect((await account(fresh)).status).to.equal(200)
      expect(await verifies(fresh)).to.equal(true)
    })

    it('ends at introspection what any key signed before, and says so to who asks why', async () => {
      const first = tokens.access_token
      await age(keyturn.stores.database, publishToActivateSeconds(SCHEDULE))
      await (await keyturn.administration.keys()).rotateKeys({ now: true }, 'operator')
      await keyturn.app.reloadKeys()
      const second = await refresh()
      expect(kidOf(second)).not.to.equal(kidOf(first))
      expect(await introspect(first)).to.include({ active: true })

      await revoke(kidOf(second))
      // Its key is published still, for whoever verifies alone.
      expect(await verifies(first)).to.equal(true)
      expect(await introspect(first)).to.deep.equal({ active: false })
      expect((await account(first)).status).to.equal(401)
      const explanation = await keyturn.administration.explain(first)
      expect(explanation).to.include({ kind: 'access_token', outcome: 'inactive' })
      expect(explanation.because).to.include('before a signing key was revoked')
    })

    it('control: without a revocation both go on', async () => {
      const fresh = await refresh()
      for (const token of [tokens.access_token, fresh]) {
        expect(await introspect(token)).to.include({ active: true })
        expect((await account(token)).status).to.equal(200)
      }
    })
  })
}
