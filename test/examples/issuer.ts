import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { systemClock } from '../../src/clock.ts'
import { openSigningKey } from '../../src/keys/key-material.ts'
import { activeKey } from '../../src/keys/signing-key.ts'
import { signingKeysPostgres } from '../../src/keys/signing-keys-postgres.ts'
import { type Answer, openTestStores, startApp, type TestApp, type TestClient } from '../support/app.ts'
import { afterwards } from '../support/root-hooks.ts'
import { encodeToken, type Genuine, readToken, signatureOf } from './forged-tokens.ts'

/** What the resource servers under test are told they are. */
export const AUDIENCE = 'https://api.example.com'

/** A Keyturn as resource servers see it: behind a proxy, under its issuer's name. */
export interface Issuer {
  readonly url: string
  readonly app: TestApp
  /** A first-party client whose tokens are for `AUDIENCE`, and a user, alice. */
  readonly client: TestClient
  /** An access token of alice's, fresh from the token endpoint. */
  aliceToken(): Promise<string>
  /** What forgers start from: a good token, its public key, and (for the controls) a way to sign with the real one. */
  genuine(): Promise<Genuine>
  /** How often the JWKS was asked for. */
  jwksRequests(): number
  /** While it is down, the proxy answers 503. */
  setDown(isDown: boolean): void
}

/** Starts a Keyturn on the machine's clock (verifiers know no other), with a user and a client. */
export async function startIssuer(): Promise<Issuer> {
  const paths: string[] = []
  let isDown = false
  const proxy = createServer(async (request, response) => {
    paths.push(request.url ?? '')
    if (isDown) return void response.writeHead(503).end()
    const { status, text, headers } = await passOn(request)
    const passedOn = ['content-type', 'cache-control'].map((name) => [name, headers.get(name) ?? ''] as const)
    response.writeHead(status, Object.fromEntries(passedOn.filter(([, value]) => value !== ''))).end(text)
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  afterwards(async () => {
    proxy.close()
    proxy.closeAllConnections()
  })
  const stores = await openTestStores('small')
  const app = await startApp({ stores, clock: systemClock, environment: { KEYTURN_ISSUER: url } })
  await app.createUser('alice')
  const client = await app.createClient({ audiences: [AUDIENCE] })

  /** GET, and what a resource server posts to introspection. */
  async function passOn(request: IncomingMessage): Promise<Answer> {
    if (request.method !== 'POST') return app.get(request.url ?? '/')
    const body = Buffer.concat(await request.toArray()).toString()
    const { authorization = '', 'content-type': contentType = '' } = request.headers
    return app.send('POST', request.url ?? '/', body, { authorization, 'content-type': contentType })
  }

  async function aliceToken(): Promise<string> {
    return accessTokenOf((await app.signIn(client, 'alice')).body)
  }

  return {
    url,
    app,
    client,
    aliceToken,
    async genuine() {
      const { keys, now } = await signingKeysPostgres(stores).load()
      const active = keys.find((key) => key.kid === activeKey(keys, 'RS256', now)?.kid)
      if (!active?.sealedPrivateKey) throw new Error('there is no key to sign with')
      const { kid, algorithm, sealedPrivateKey, publicJwk } = active
      const key = await openSigningKey({ kid, algorithm, sealedPrivateKey }, stores.sealingKey)
      const token = await aliceToken()
      const { header, claims } = readToken(token)
      const published = { ...publicJwk, kid, use: 'sig', alg: algorithm }
      return {
        token,
        header,
        claims,
        publicJwk: published,
        signed: (changes) =>
          encodeToken({ ...header, ...changes.header }, { ...claims, ...changes.claims }, signatureOf(key)),
      }
    },
    jwksRequests: () => paths.filter((path) => path === '/.well-known/jwks.json').length,
    setDown(next) {
      isDown = next
    },
  }
}

/** @throws Error with the answer when it is no token */
export function accessTokenOf(body: { access_token?: string }): string {
  if (body.access_token === undefined) throw new Error(`no access token: ${JSON.stringify(body)}`)
  return body.access_token
}
