import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { toSeconds } from '../../src/clock.ts'
import { createVerifier, type VerifierOptions } from '../../src/resource/index.ts'
import { TestClock } from '../support/clock.ts'
import { afterwards } from '../support/root-hooks.ts'

export const AUDIENCE = 'https://api.example.com'

/** Longer than anything takes: what times out, times out by intent. */
export const BUSY_MACHINE_MS = 25_000

/** A key pair as an issuer holds it. */
export interface IssuerKey {
  readonly kid: string
  readonly jwk: JWK
  /** A token of this issuer's; a claim or header of `undefined` is left out. */
  token(claims?: Record<string, unknown>, header?: Record<string, unknown>): Promise<string>
}

/** How the key endpoint behaves: it answers with these, or with bytes of the test's, or never. */
export type Behaviour = 'good' | 'hangs' | ((request: IncomingMessage, response: ServerResponse) => void)

/** An issuer's key endpoint over real HTTP, which counts, and a clock that verifier and tokens share. */
export interface KeyServer {
  readonly url: string
  readonly clock: TestClock
  readonly requests: readonly IncomingMessage[]
  /** What is published. */
  keys: JWK[]
  cacheControl: string | undefined
  etag: string | undefined
  behaviour: Behaviour
  makeKey(alg?: string): Promise<IssuerKey>
  /** A verifier of its tokens, on its clock. */
  verifier(options?: Partial<VerifierOptions>): ReturnType<typeof createVerifier>
}

const pairs = new Map<string, ReturnType<typeof generateKeyPair>>()

/** Key pairs are made once a run for each number: an RSA pair takes a while. */
function keyPair(alg: string, number: number) {
  const name = `${alg} ${number}`
  const found = pairs.get(name) ?? generateKeyPair(alg, { extractable: true })
  pairs.set(name, found)
  return found
}

/** Starts it; closed after the test. */
export async function startKeyServer(): Promise<KeyServer> {
  const requests: IncomingMessage[] = []
  const made = new Map<string, number>()
  const http = createServer((request, response) => {
    requests.push(request)
    if (typeof server.behaviour === 'function') return server.behaviour(request, response)
    if (server.behaviour === 'hangs') return
    const headers = {
      'content-type': 'application/jwk-set+json',
      ...(server.cacheControl !== undefined && { 'cache-control': server.cacheControl }),
      ...(server.etag !== undefined && { etag: server.etag }),
    }
    const isKnown = server.etag !== undefined && request.headers['if-none-match'] === server.etag
    response.writeHead(isKnown ? 304 : 200, headers)
    response.end(isKnown ? undefined : JSON.stringify({ keys: server.keys }))
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  afterwards(async () => {
    http.close()
    http.closeAllConnections()
  })
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  const clock = new TestClock()

  const server: KeyServer = {
    url,
    clock,
    requests,
    keys: [],
    cacheControl: undefined,
    etag: undefined,
    behaviour: 'good',

    async makeKey(alg = 'RS256') {
      const number = made.get(alg) ?? 0
      made.set(alg, number + 1)
      const { publicKey, privateKey } = await keyPair(alg, number)
      const members = await exportJWK(publicKey)
      const kid = await calculateJwkThumbprint(members)
      return {
        kid,
        jwk: { ...members, kid, alg, use: 'sig' },
        token(claims = {}, header = {}) {
          const now = toSeconds(clock.now())
          const payload = {
            ...{ iss: url, sub: 'alice', aud: AUDIENCE, client_id: 'app', scope: 'read', jti: 'j1' },
            ...{ iat: now, exp: now + 600, ...claims },
          }
          return new SignJWT(payload)
            .setProtectedHeader({ alg, kid, typ: 'at+jwt', ...header })
            .sign(privateKey)
        },
      }
    },

    verifier: (options = {}) =>
      createVerifier({ issuer: url, audience: AUDIENCE, clock, timeoutMs: BUSY_MACHINE_MS, ...options }),
  }
  return server
}

/** What a verification comes to: `good`, or the code and reason that it is refused with. */
export async function outcome(verification: Promise<unknown>): Promise<string> {
  try {
    await verification
    return 'good'
  } catch (error) {
    const { name, code, reason } = error as { name?: string; code?: string; reason?: string }
    if (name !== 'BearerError') throw error
    return `${code}: ${reason}`
  }
}
