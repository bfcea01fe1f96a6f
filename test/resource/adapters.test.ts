import { expect } from 'chai'
import { addSeconds } from '../../src/clock.ts'
import { publishToActivateSeconds } from '../../src/keys/schedule.ts'
import {
  createVerifier,
  type ExpressResponse,
  expressBearer,
  type VerifierOptions,
} from '../../src/resource/index.ts'
import { readToken } from '../examples/forged-tokens.ts'
import { AUDIENCE, accessTokenOf, type Issuer, startIssuer } from '../examples/issuer.ts'
import { age, SCHEDULE } from '../keys/fixtures.ts'
import { connectRaw } from '../support/raw-http.ts'
import { FRAMEWORKS } from './frameworks.ts'

const INVALID = 'Bearer error="invalid_token", error_description="the access token is not valid here"'

describe('keyturn/resource with a running Keyturn', () => {
  let issuer: Issuer
  before(async () => {
    issuer = await startIssuer()
  })

  const verifierOf = (options: Partial<VerifierOptions> = {}) =>
    createVerifier({ issuer: issuer.url, audience: AUDIENCE, ...options })
  const ask = async (url: string, authorization?: string) => {
    const response = await fetch(url, authorization === undefined ? {} : { headers: { authorization } })
    const { status, headers } = response
    return { status, headers, body: (await response.json()) as Record<string, unknown> }
  }

  for (const [framework, start] of Object.entries(FRAMEWORKS)) {
    describe(`and ${framework}`, () => {
      let origin: string
      before(async () => {
        origin = await start(verifierOf())
      })

      it('lets in who has a good token, and hands on its claims', async () => {
        const token = await issuer.aliceToken()
        for (const path of ['/', '/read']) {
          const answer = await ask(origin + path, `Bearer ${token}`)
          expect(answer.status).to.equal(200)
          expect(answer.body).to.deep.equal({ hello: 'alice' })
        }
        expect((await ask(origin, `bEARER  ${token}`)).status).to.equal(200)
      })

      it('says that a token is needed to who has none, and no more (RFC 6750 §3.1)', async () => {
        const token = await issuer.aliceToken()
        for (const [path, authorization] of [
          ['/', undefined],
          ['/', ''],
          ['/', 'Basic YWxpY2U6eA=='],
          ['/', `Token ${token}`],
          [`/?access_token=${token}`, undefined],
        ] as const) {
          const answer = await ask(origin + path, authorization)
          expect(answer.status, `${authorization}`).to.equal(401)
          expect(answer.headers.get('www-authenticate')).to.equal('Bearer')
          expect(answer.headers.get('cache-control')).to.equal('no-store')
          expect(answer.body).to.deep.equal({ error_description: 'a bearer token is needed' })
        }
      })

      it('refuses a malformed header with 400, and two of them', async () => {
        const token = await issuer.aliceToken()
        const authorizations = ['Bearer', 'Bearer a b', 'Bearer "x"', `Bearer ${token}, Bearer ${token}`]
        for (const authorization of authorizations) {
          const answer = await ask(origin, authorization)
          expect(answer.status, authorization).to.equal(400)
          expect(answer.headers.get('www-authenticate')).to.match(/^Bearer error="invalid_request", /)
          expect(answer.body['error']).to.equal('invalid_request')
        }
        const connection = await connectRaw(origin)
        const header = `Authorization: Bearer ${token}\r\n`
        connection.write(`GET / HTTP/1.1\r\nHost: x\r\n${header}${header}Connection: close\r\n\r\n`)
        expect((await connection.next())?.status).to.equal(400)
        connection.close()
      })

      it('refuses a token that has expired, is for somebody else, or is none', async () => {
        const later = { now: () => addSeconds(new Date(), 3600) }
        const expired = await ask(
          await start(verifierOf({ clock: later })),
          `Bearer ${await issuer.aliceToken()}`,
        )
        expect(expired.status).to.equal(401)
        expect(expired.headers.get('www-authenticate')).to.include('"the access token has expired"')

        const client = await issuer.app.createClient({ audiences: ['https://other.example.com'] })
        const foreign = accessTokenOf((await issuer.app.signIn(client, 'alice')).body)
        for (const token of [foreign, 'x', `${await issuer.aliceToken()}x`]) {
          const answer = await ask(origin, `Bearer ${token}`)
          expect(answer.status).to.equal(401)
          expect(answer.headers.get('www-authenticate')).to.equal(INVALID)
        }
      })

      it('refuses a good token without the scope with 403, and says which is needed', async () => {
        const answer = await ask(`${origin}/admin`, `Bearer ${await issuer.aliceToken()}`)
        expect(answer.status).to.equal(403)
        expect(answer.headers.get('www-authenticate')).to.match(
          /^Bearer error="insufficient_scope", .*, scope="admin"$/,
        )
      })

      it('answers 503 while the keys cannot be had, without a challenge', async () => {
        const token = await issuer.aliceToken()
        const clock = { now: () => new Date() }
        const fresh = await start(verifierOf({ clock }))
        issuer.setDown(true)
        const answer = await ask(fresh, `Bearer ${token}`)
        // A server that has the keys does not notice.
        expect((await ask(origin, `Bearer ${token}`)).status).to.equal(200)
        issuer.setDown(false)
        expect(answer.status).to.equal(503)
        expect(answer.headers.get('retry-after')).to.equal('1')
        expect(answer.headers.get('www-authenticate')).to.equal(null)
        clock.now = () => addSeconds(new Date(), 1)
        expect((await ask(fresh, `Bearer ${token}`)).status).to.equal(200)
      })

      it('P3 goes through a key rotation without refusing a token, or asking for the keys', async () => {
        const { app } = issuer
        const before = await issuer.aliceToken()
        // It has fetched the set that holds the key which is to sign next.
        const server = await start(verifierOf())
        expect((await ask(server, `Bearer ${before}`)).status).to.equal(200)
        const asked = issuer.jwksRequests()
        await age(app.stores.database, publishToActivateSeconds(SCHEDULE))
        await (await app.administration.keys()).rotateKeys({ now: true }, 'operator')
        await app.app.reloadKeys()
        const after = await issuer.aliceToken()
        expect(readToken(after).header['kid']).not.to.equal(readToken(before).header['kid'])
        for (const token of [after, before]) {
          expect((await ask(server, `Bearer ${token}`)).status).to.equal(200)
        }
        expect(issuer.jwksRequests()).to.equal(asked)
      })
    })
  }

  it('Express: an answer that somebody else has given meanwhile ends that request, not the process', async () => {
    const fault = new Error('ERR_HTTP_HEADERS_SENT')
    const sent: ExpressResponse = {
      locals: {},
      statusCode: 503,
      setHeader: () => {
        throw fault
      },
      end: () => {},
    }
    const told = await new Promise((next) => expressBearer(verifierOf())({ headers: {} }, sent, next))
    expect(told).to.equal(fault)
  })
})
