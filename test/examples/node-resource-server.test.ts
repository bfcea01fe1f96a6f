import { expect } from 'chai'
import { startExample } from '../support/example-server.ts'
import { FORGERIES } from './forged-tokens.ts'
import { accessTokenOf } from './issuer.ts'
import { ask, describeResourceServer } from './resource-server.contract.ts'

/** With our own library, and with jose alone. */
for (const example of ['resource-server-node', 'resource-server-jose'])
  describe(`the resource server of examples/${example}`, () => {
    const start = (environment: Record<string, string>) =>
      startExample({
        example,
        command: process.execPath,
        arguments: ['--import', 'tsx', 'server.ts'],
        environment,
      })

    describeResourceServer(start, { keysAreMissing: 503 }, ({ issuer, origin }) => {
      it('says that a token was wrong, where one was (RFC 6750 §3.1)', async () => {
        const answer = await ask(origin(), 'not-a-token')
        expect(answer.status).to.equal(401)
        expect(answer.headers.get('www-authenticate')).to.match(/^Bearer error="invalid_token"(, |$)/)
      })

      it('accepts the scheme in any case (RFC 9110 §11.1)', async () => {
        expect((await ask(origin(), await issuer().aliceToken(), 'bearer')).status).to.equal(200)
      })

      for (const typ of ['JWT', 'id_token+jwt', 'logout+jwt', 'dpop+jwt', undefined]) {
        it(`S-147 refuses what is no access token: typ ${typ}, though the real key signed it`, async () => {
          const token = await (await issuer().genuine()).signed({ header: { typ } })
          expect((await ask(origin(), token)).status).to.equal(401)
        })
      }

      it('S-144 refuses a token with a critical extension that it does not know', async () => {
        const token = await (await issuer().genuine()).signed({ header: { crit: ['exp2'], exp2: 1 } })
        expect((await ask(origin(), token)).status).to.equal(401)
      })

      it('lets in a client that acts for itself, under its own name', async () => {
        const { app, client } = issuer()
        const token = accessTokenOf(
          (await app.post('/oauth/token', { grant_type: 'client_credentials' }, client)).body,
        )
        const answer = await ask(origin(), token)
        expect(await answer.json()).to.deep.equal({ message: `Hello, ${client.id}! Your token is valid.` })
      })

      it('S-143 asks for the keys at most once for any number of unknown kids', async () => {
        const asked = issuer().jwksRequests()
        const unknown = FORGERIES.filter(({ name }) => name.startsWith('S-143 kid'))
        for (const { forge } of unknown) await ask(origin(), await forge(await issuer().genuine()))
        expect(unknown).to.have.length.greaterThan(3)
        expect(issuer().jwksRequests() - asked).to.be.at.most(1)
      })
    })
  })
