import { spawnSync } from 'node:child_process'
import { expect } from 'chai'
import { DJANGO_RESOURCE_SERVER, debianPython } from '../support/debian-python.ts'
import { startExample } from '../support/example-server.ts'
import { sharedServer } from '../support/shared-servers.ts'
import { introduced } from '../support/signing-keys.ts'
import { accessTokenOf } from './issuer.ts'
import { ask, describeResourceServer } from './resource-server.contract.ts'

/** Fetched before the first test, outside its time limit. */
const python = sharedServer(async () => ({
  ...(await debianPython(DJANGO_RESOURCE_SERVER)),
  stop: async () => {},
}))

const READ_FIRST_KEY = `
import json, sys
from jwt.algorithms import RSAAlgorithm
RSAAlgorithm.from_jwk(json.dumps(json.loads(sys.argv[1])[0]))
`

/** Whether PyJWT makes an RSA key of the first one. */
async function readsFirstKey(keys: readonly object[]): Promise<boolean> {
  const { program, environment } = await python()
  const { error, status } = spawnSync(program, ['-c', READ_FIRST_KEY, JSON.stringify(keys)], {
    env: { PATH: process.env['PATH'], ...environment },
    encoding: 'utf8',
  })
  if (error) throw error
  return status === 0
}

describe('the Django REST Framework resource server of examples/', () => {
  const start = async (environment: Record<string, string>) => {
    const { program, environment: ofPython } = await python()
    return startExample({
      example: 'resource-server-django',
      command: program,
      arguments: ['server.py'],
      environment: { ...ofPython, ...environment },
    })
  }

  describeResourceServer(start, { keysAreMissing: 401 }, ({ issuer, origin }) => {
    it('answers a bad token in the words that Django clients know', async () => {
      const answer = await ask(origin(), 'not-a-token')
      expect(answer.status).to.equal(401)
      expect(answer.headers.get('www-authenticate')).to.equal('Bearer realm="api"')
      expect(await answer.json()).to.include({
        detail: 'Given token not valid for any token type',
        code: 'token_not_valid',
      })
    })

    for (const [what, claims] of Object.entries({
      'no token_type': { token_type: undefined },
      'the token_type of a refresh token': { token_type: 'refresh' },
      'no jti': { jti: undefined },
      'no user_id': { user_id: undefined },
      'an iat an hour ahead': { iat: Math.floor(Date.now() / 1000) + 3600 },
    })) {
      it(`refuses a token with ${what}, though the real key signed it`, async () => {
        const token = await (await issuer().genuine()).signed({ claims })
        expect((await ask(origin(), token)).status).to.equal(401)
      })
    }

    it('S-147 refuses an ID token: it is for the client, and has no token_type', async () => {
      const genuine = await issuer().genuine()
      const idToken = { header: { typ: 'JWT' }, claims: { aud: issuer().client.id, token_type: undefined } }
      expect((await ask(origin(), await genuine.signed(idToken))).status).to.equal(401)
      // Each of the two is enough.
      const forClient = { header: { typ: 'JWT' }, claims: { aud: issuer().client.id } }
      expect((await ask(origin(), await genuine.signed(forClient))).status).to.equal(401)
      const untyped = { header: { typ: 'JWT' }, claims: { token_type: undefined } }
      expect((await ask(origin(), await genuine.signed(untyped))).status).to.equal(401)
    })

    it('S-147 known limit: it does not look at typ, only at the claims', async () => {
      const token = await (await issuer().genuine()).signed({ header: { typ: 'JWT' } })
      expect((await ask(origin(), token)).status).to.equal(200)
    })

    it('a reader that takes the first key for an RSA key is right, whatever else is in the set', async () => {
      for (const algorithm of ['ES256', 'EdDSA'] as const) await introduced(issuer().app, algorithm)
      const { keys } = (await issuer().app.get('/.well-known/jwks.json')).body
      expect(keys).to.have.length.greaterThan(3)
      expect(await readsFirstKey(keys)).to.equal(true)
      // Control: it reads no more than that.
      expect(await readsFirstKey([...keys].reverse())).to.equal(false)
    })

    it('refuses a client that acts for itself: there is no user in its token', async () => {
      const { app, client } = issuer()
      const token = accessTokenOf(
        (await app.post('/oauth/token', { grant_type: 'client_credentials' }, client)).body,
      )
      expect((await ask(origin(), token)).status).to.equal(401)
    })
  })
})
