import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createRemoteJWKSet, errors, jwtVerify } from 'jose'
import { BearerError, createVerifier } from '../../src/resource/index.ts'
import { AUDIENCE, type Issuer } from '../examples/issuer.ts'
import { unpackPackages } from '../support/debian-packages.ts'
import { DJANGO_RESOURCE_SERVER, debianPython } from '../support/debian-python.ts'
import { startExample } from '../support/example-server.ts'
import { sharedServer } from '../support/shared-servers.ts'
import { startApache } from './apache.ts'
import { openEdge } from './edge.ts'
import { buildGoOidc } from './go-oidc.ts'

/** What a library makes of a token; anything else that it answers is a failure of its own. */
export type Verdict = 'accepted' | 'refused' | `status ${number}`

/**
 * With the settings that they come with or that docs/resource-servers.md gives them; `1 s` where a set is kept for no
 * longer than that, for minutes cannot be waited for.
 */
const LIBRARIES = [
  'keyturn/resource',
  'jose',
  'jose, 1 s',
  'PyJWT',
  'PyJWT, 1 s',
  'PyJWT, cache_keys',
  'simplejwt',
  'mod_auth_openidc',
  'mod_oauth2',
  'mod_oauth2, 1 s',
  'go-oidc 2',
  'go-oidc 2, 1 s',
] as const
export type Library = (typeof LIBRARIES)[number]

/** Real libraries, each with the keys that it has fetched. */
export interface Fleet {
  /** What each of them makes of the token. */
  verdicts(token: string): Promise<Record<Library, Verdict>>
  /** Moves the clock of `keyturn/resource`, the only one that can be given one. */
  passSeconds(seconds: number): void
  /** Has jose fetch the keys, as whoever uses it can. */
  reloadJose(): Promise<void>
  /** How often the keys were asked for, by those with `1 s` in their names and PyJWT with cache_keys, and by the others. */
  jwksRequests(): { readonly brief: number; readonly others: number }
}

/** All of them agree. */
export function each(verdict: Verdict): Record<Library, Verdict> {
  return Object.fromEntries(LIBRARIES.map((name) => [name, verdict])) as Record<Library, Verdict>
}

/** go-oidc 2 fetches again when less than this is left of `max-age`. */
const GO_OIDC_EXPIRY_DELTA_SECONDS = 30
const HERE = fileURLToPath(new URL('.', import.meta.url))

/** Fetched and built before the first test, outside its time limit. */
const programs = sharedServer(async () => {
  const [python, apache, goOidc] = await Promise.all([
    debianPython(DJANGO_RESOURCE_SERVER),
    unpackPackages(['apache2-bin', 'libapache2-mod-auth-openidc', 'libapache2-mod-oauth2', 'openssl']),
    buildGoOidc(),
  ])
  return { python, apache, goOidc, stop: async () => {} }
})

/** Starts them all. None has fetched anything yet. */
export async function startFleet({ url: issuer, jwksRequests }: Issuer): Promise<Fleet> {
  const { python, apache, goOidc } = await programs()
  const environment = { ISSUER: issuer, AUDIENCE }
  const jwksUrl = `${issuer}/.well-known/jwks.json`
  const openssl = { program: join(apache.root, 'usr/bin/openssl'), environment: apache.environment }
  const { jwksUrl: tlsUrl } = await openEdge(issuer, { openssl })
  const cacheControl = `max-age=${GO_OIDC_EXPIRY_DELTA_SECONDS + 1}`
  const brief = await openEdge(issuer, { cacheControl })

  const startPyjwt = () =>
    startExample({
      ...{ example: 'PyJWT', directory: HERE, command: python.program, arguments: ['pyjwt.py'] },
      environment: { ...python.environment, ...environment, JWKS: jwksUrl, BRIEF_JWKS: brief.jwksUrl },
    })
  const startDjango = () =>
    startExample({
      ...{ example: 'resource-server-django', command: python.program, arguments: ['server.py'] },
      environment: { ...python.environment, ...environment },
    })
  const startGo = (url: string) =>
    startExample({
      ...{ example: 'go-oidc', directory: dirname(goOidc), command: goOidc, arguments: [] },
      environment: { ...environment, JWKS: url },
    })
  const startHttpd = (oauth2JwksUrl: string, oauth2ExpirySeconds: number) => {
    const urls = { openidcJwksUrl: tlsUrl, oauth2JwksUrl }
    return startApache(apache, { issuer, audience: AUDIENCE, ...urls, oauth2ExpirySeconds })
  }
  const [pyjwt, django, httpd, httpdOneSecond, go, goOneSecond] = await Promise.all([
    startPyjwt(),
    startDjango(),
    startHttpd(jwksUrl, 600),
    startHttpd(brief.jwksUrl, 1),
    startGo(jwksUrl),
    startGo(brief.jwksUrl),
  ])

  let aheadMs = 0
  const clock = { now: () => new Date(Date.now() + aheadMs) }
  const resource = createVerifier({ issuer, audience: AUDIENCE, clock })
  const keys = createRemoteJWKSet(new URL(jwksUrl))
  const keysOneSecond = createRemoteJWKSet(new URL(brief.jwksUrl), { cacheMaxAge: 1000 })
  const jose = async (token: string, set: typeof keys): Promise<Verdict> => {
    return verdictOf(jwtVerify(token, set, { issuer, audience: AUDIENCE, algorithms: ['RS256'] }))
  }

  const verify: Record<Library, (token: string) => Promise<Verdict>> = {
    'keyturn/resource': (token) => verdictOf(resource.verify(token)),
    jose: (token) => jose(token, keys),
    'jose, 1 s': (token) => jose(token, keysOneSecond),
    PyJWT: (token) => ask(`${pyjwt}/default/`, token),
    'PyJWT, 1 s': (token) => ask(`${pyjwt}/one-second/`, token),
    'PyJWT, cache_keys': (token) => ask(`${pyjwt}/cache-keys/`, token),
    simplejwt: (token) => ask(`${django}/api/protected/`, token),
    mod_auth_openidc: (token) => ask(`${httpd}/openidc/hello`, token),
    mod_oauth2: (token) => ask(`${httpd}/oauth2/hello`, token),
    'mod_oauth2, 1 s': (token) => ask(`${httpdOneSecond}/oauth2/hello`, token),
    'go-oidc 2': (token) => ask(`${go}/api/protected/`, token),
    'go-oidc 2, 1 s': (token) => ask(`${goOneSecond}/api/protected/`, token),
  }

  return {
    async verdicts(token) {
      const verdicts = LIBRARIES.map(async (name) => [name, await verify[name](token)] as const)
      return Object.fromEntries(await Promise.all(verdicts)) as Record<Library, Verdict>
    },
    passSeconds(seconds) {
      aheadMs += seconds * 1000
    },
    reloadJose: () => keys.reload(),
    jwksRequests: () => ({ brief: brief.requests(), others: jwksRequests() - brief.requests() }),
  }
}

async function ask(url: string, token: string): Promise<Verdict> {
  const answer = await fetch(url, { headers: { authorization: `Bearer ${token}` } })
  await answer.body?.cancel()
  if (answer.status === 200) return 'accepted'
  return answer.status === 401 ? 'refused' : `status ${answer.status}`
}

/** @throws what is not about the token */
async function verdictOf(verification: Promise<unknown>): Promise<Verdict> {
  try {
    await verification
    return 'accepted'
  } catch (error) {
    const isToken =
      error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWTClaimValidationFailed
    if (isToken) return 'refused'
    if (error instanceof BearerError && error.status === 401) return 'refused'
    throw error
  }
}
