import { expect } from 'chai'
import { debianPython } from '../support/debian-python.ts'
import { startExample } from '../support/example-server.ts'
import { sharedServer } from '../support/shared-servers.ts'
import { accessTokenOf } from './issuer.ts'
import { ask, describeResourceServer } from './resource-server.contract.ts'

/** Fetched before the first test, outside its time limit. */
const python = sharedServer(async () => ({
  ...(await debianPython(['python3-fastapi', 'python3-uvicorn', 'python3-jwt', 'python3-cryptography'])),
  stop: async () => {},
}))

describe('the FastAPI resource server of examples/', () => {
  const start = async (environment: Record<string, string>) => {
    const { program, environment: ofPython } = await python()
    return startExample({
      example: 'resource-server-fastapi',
      command: program,
      arguments: ['server.py'],
      environment: { ...ofPython, ...environment },
    })
  }

  describeResourceServer(start, { keysAreMissing: 503 }, ({ issuer, origin }) => {
    it('says that a token was wrong, where one was (RFC 6750 §3.1)', async () => {
      const answer = await ask(origin(), 'not-a-token')
      expect(answer.status).to.equal(401)
      expect(answer.headers.get('www-authenticate')).to.equal('Bearer error="invalid_token"')
    })

    for (const typ of ['JWT', 'id_token+jwt', undefined]) {
      it(`S-147 refuses what is no access token: typ ${typ}, though the real key signed it`, async () => {
        const token = await (await issuer().genuine()).signed({ header: { typ } })
        expect((await ask(origin(), token)).status).to.equal(401)
      })
    }

    it('lets in a client that acts for itself, under its own name', async () => {
      const { app, client } = issuer()
      const token = accessTokenOf(
        (await app.post('/oauth/token', { grant_type: 'client_credentials' }, client)).body,
      )
      const answer = await ask(origin(), token)
      expect(await answer.json()).to.deep.equal({ message: `Hello, ${client.id}! Your token is valid.` })
    })
  })
})
