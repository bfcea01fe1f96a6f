import { expect } from 'chai'
import { addSeconds, systemClock } from '../../src/clock.ts'
import { publishToActivateSeconds } from '../../src/keys/schedule.ts'
import { age, SCHEDULE } from '../keys/fixtures.ts'
import { startApp } from '../support/app.ts'
import { TestClock } from '../support/clock.ts'
import { introduced } from '../support/signing-keys.ts'
import { until } from '../support/until.ts'
import { FORGERIES, readToken } from './forged-tokens.ts'
import { AUDIENCE, accessTokenOf, type Issuer, startIssuer } from './issuer.ts'

/** A resource server under test, given its issuer's URL; returns its origin. */
export type StartResourceServer = (environment: { ISSUER: string; AUDIENCE: string }) => Promise<string>

const PATH = '/api/protected/'

/** Asks for the protected thing. */
export function ask(origin: string, token?: string, scheme = 'Bearer'): Promise<Response> {
  return fetch(origin + PATH, token === undefined ? {} : { headers: { authorization: `${scheme} ${token}` } })
}

/**
 * What every resource server of ours must do with Keyturn's tokens, whatever it is written in. The tokens come from a
 * running Keyturn and are verified with the keys that it publishes.
 * @param keysAreMissing its status while it cannot fetch the keys
 */
export function describeResourceServer(
  start: StartResourceServer,
  { keysAreMissing }: { keysAreMissing: number },
  more: (parts: { issuer: () => Issuer; origin: () => string }) => void,
): void {
  let issuer: Issuer
  let origin: string

  before(async () => {
    issuer = await startIssuer()
    origin = await start({ ISSUER: issuer.url, AUDIENCE })
  })

  async function expectRefused(token: string) {
    const answer = await ask(origin, token)
    expect(answer.status).to.equal(401)
    expect(answer.headers.get('www-authenticate')).to.match(/^Bearer /)
    expect(await answer.text()).not.to.include('Hello')
  }

  it('lets in who has a token of Keyturn’s, and knows the name', async () => {
    const answer = await ask(origin, await issuer.aliceToken())
    expect(answer.status).to.equal(200)
    expect(await answer.json()).to.deep.equal({ message: 'Hello, alice! Your token is valid.' })
  })

  it('refuses who has none, and says which kind is needed (RFC 6750 §3)', async () => {
    const answer = await ask(origin)
    expect(answer.status).to.equal(401)
    expect(answer.headers.get('www-authenticate')).to.match(/^Bearer\b/)
    expect(answer.headers.get('www-authenticate')).not.to.include('error')
  })

  it('refuses a token in the query, and a token under another scheme', async () => {
    const token = await issuer.aliceToken()
    expect((await fetch(`${origin}${PATH}?access_token=${token}`)).status).to.equal(401)
    expect((await ask(origin, token, 'Token')).status).to.equal(401)
  })

  for (const { name, forge } of FORGERIES) {
    it(`refuses a forged token: ${name}`, async () => {
      await expectRefused(await forge(await issuer.genuine()))
    })
  }

  it('control: the same token, made by the same hand with the real key, is let in', async () => {
    const genuine = await issuer.genuine()
    expect((await ask(origin, await genuine.signed({}))).status).to.equal(200)
  })

  it('S-146 refuses a token that has expired', async () => {
    const yesterday = new TestClock(addSeconds(new Date(), -86_400), { autoAdvance: true })
    const { stores, config } = issuer.app
    const environment = { KEYTURN_ISSUER: config.issuer }
    const earlier = await startApp({ stores, clock: yesterday, environment })
    const token = accessTokenOf((await earlier.signIn(issuer.client, 'alice')).body)
    expect(readToken(token).header['kid']).to.equal((await issuer.genuine()).header['kid'])
    await expectRefused(token)
  })

  it('S-146 refuses a token of another issuer that signs with the same key', async () => {
    const environment = { KEYTURN_ISSUER: issuer.url.replace('127.0.0.1', 'localhost') }
    const other = await startApp({ stores: issuer.app.stores, clock: systemClock, environment })
    await expectRefused(accessTokenOf((await other.signIn(issuer.client, 'alice')).body))
  })

  it('S-146 refuses a token for somebody else', async () => {
    const client = await issuer.app.createClient({ audiences: ['https://other.example.com'] })
    await expectRefused(accessTokenOf((await issuer.app.signIn(client, 'alice')).body))
  })

  for (const [what, claims] of Object.entries({
    'an issuer with a slash at its end': (url: string) => ({ iss: `${url}/` }),
    'no issuer': () => ({ iss: undefined }),
    'no audience': () => ({ aud: undefined }),
    'an audience that only begins like ours': () => ({ aud: `${AUDIENCE}.example.net` }),
    'no expiry': () => ({ exp: undefined }),
    'an expiry of text': () => ({ exp: 'never' }),
    'a beginning two minutes ahead': () => ({ nbf: Math.floor(Date.now() / 1000) + 120 }),
  })) {
    it(`S-146 refuses a token with ${what}, though the real key signed it`, async () => {
      await expectRefused(await (await issuer.genuine()).signed({ claims: claims(issuer.url) }))
    })
  }

  it('lets in a token for several audiences of which it is one', async () => {
    const token = await (await issuer.genuine()).signed({
      claims: { aud: ['https://other.example.com', AUDIENCE] },
    })
    expect((await ask(origin, token)).status).to.equal(200)
  })

  it('lets in a token from a node whose clock is five seconds ahead', async () => {
    const ahead = new TestClock(addSeconds(new Date(), 5), { autoAdvance: true })
    const environment = { KEYTURN_ISSUER: issuer.url }
    const node = await startApp({ stores: issuer.app.stores, clock: ahead, environment })
    const token = accessTokenOf((await node.signIn(issuer.client, 'alice')).body)
    expect((await ask(origin, token)).status).to.equal(200)
  })

  it('P3 goes through a key rotation without refusing a token, and without asking for the keys again', async () => {
    const { app } = issuer
    const before = await issuer.aliceToken()
    expect((await ask(origin, before)).status).to.equal(200)
    const asked = issuer.jwksRequests()

    await age(app.stores.database, publishToActivateSeconds(SCHEDULE))
    await (await app.administration.keys()).rotateKeys({ now: true }, 'operator')
    await app.app.reloadKeys()
    const after = await issuer.aliceToken()
    expect(readToken(after).header['kid']).not.to.equal(readToken(before).header['kid'])

    expect((await ask(origin, after)).status).to.equal(200)
    expect((await ask(origin, before)).status).to.equal(200)
    expect(issuer.jwksRequests()).to.equal(asked)
  })

  it('reads RS256 out of a set with other kinds of key, and refuses what those signed', async () => {
    const mixed = await startIssuer()
    for (const algorithm of ['ES256', 'EdDSA'] as const) await introduced(mixed.app, algorithm)
    const fresh = await start({ ISSUER: mixed.url, AUDIENCE })
    expect((await ask(fresh, await mixed.aliceToken())).status).to.equal(200)
    for (const accessTokenAlg of ['ES256', 'EdDSA']) {
      const client = await mixed.app.createClient({ audiences: [AUDIENCE], accessTokenAlg })
      const token = accessTokenOf((await mixed.app.signIn(client, 'alice')).body)
      expect(readToken(token).header['alg']).to.equal(accessTokenAlg)
      const answer = await ask(fresh, token)
      expect(answer.status).to.equal(401)
      expect(answer.headers.get('www-authenticate')).to.match(/^Bearer /)
    }
    expect((await ask(fresh, await mixed.aliceToken())).status).to.equal(200)
  })

  it('goes on while Keyturn is down, with the keys that it has', async () => {
    const token = await issuer.aliceToken()
    expect((await ask(origin, token)).status).to.equal(200)
    issuer.setDown(true)
    try {
      expect((await ask(origin, token)).status).to.equal(200)
    } finally {
      issuer.setDown(false)
    }
  })

  it('lets nobody in before it could fetch the keys, and needs no restart once it can', async () => {
    const token = await issuer.aliceToken()
    issuer.setDown(true)
    try {
      const fresh = await start({ ISSUER: issuer.url, AUDIENCE })
      expect((await ask(fresh, token)).status).to.equal(keysAreMissing)
      issuer.setDown(false)
      // It may have decided not to ask again for a second.
      await until(async () => (await ask(fresh, token)).status === 200)
    } finally {
      issuer.setDown(false)
    }
  })

  more({ issuer: () => issuer, origin: () => origin })
}
