import { GRANT_TYPES, type GrantType, isGrantType } from '../oauth/grant-types.ts'
import { isScopeToken } from '../oauth/scope.ts'
import { Refusal } from '../refusal.ts'
import type { Client, LatePolicy } from './client.ts'

/** What an operator says of a new client. */
export interface ClientDetails {
  readonly name: string
  /** A public client has no secret. */
  readonly isPublic?: boolean | undefined
  readonly isNative?: boolean | undefined
  readonly isFirstParty?: boolean | undefined
  readonly grants?: readonly string[] | undefined
  readonly scopes?: readonly string[] | undefined
  readonly audiences?: readonly string[] | undefined
  readonly redirectUris?: readonly string[] | undefined
  readonly allowedOrigins?: readonly string[] | undefined
  readonly latePolicy?: LatePolicy | undefined
  /** One that signs: the administration asks the keys. */
  readonly accessTokenAlg?: string | undefined
  readonly accessTokenTtlSeconds?: number | undefined
  readonly refreshIdleTtlSeconds?: number | undefined
  readonly refreshAbsoluteTtlSeconds?: number | undefined
  readonly unrememberedTtlSeconds?: number | undefined
}

/** Access tokens live an hour at most: removal of signing keys counts on it (docs/adr/0004-signing-keys.md). */
const ACCESS_TOKEN_TTL_SECONDS = { least: 60, most: 3600 }
const REFRESH_TTL_SECONDS = { least: 60, most: 3650 * 86_400 }
const MAX_NAME_LENGTH = 200
const MAX_LIST = 100
/** Of all scopes, and of all audiences: an access token that carries them all stays below 4 KB (ADR 5). */
const MAX_TOTAL_LENGTH = 900

/**
 * Checks what was said of a new client and makes the client of it.
 * @param id the id it will have
 * @param now when it is created
 * @throws Refusal that says which rule is broken and what to do
 */
export function makeClient(id: string, details: ClientDetails, now: Date): Client {
  const isConfidential = !(details.isPublic ?? false)
  const isNative = details.isNative ?? false
  const isFirstParty = details.isFirstParty ?? false
  const grants = checkGrants(details.grants ?? [], isConfidential, isFirstParty)
  checkText('name', [details.name], MAX_NAME_LENGTH)
  const scopes = unique(details.scopes ?? [])
  if (!scopes.every(isScopeToken)) throw invalid('scope', 'a scope has no space, quote or backslash')
  checkTotal('scope', scopes)
  const audiences = unique(details.audiences ?? [])
  checkText('audience', audiences, 500)
  checkTotal('audience', audiences)
  const redirectUris = unique(details.redirectUris ?? [])
  for (const uri of redirectUris) checkRedirectUri(uri)
  const allowedOrigins = unique(details.allowedOrigins ?? [])
  if (allowedOrigins.length > MAX_LIST) throw invalid('origin', `at most ${MAX_LIST}`)
  for (const origin of allowedOrigins) checkOrigin(origin)
  const { refreshIdleTtlSeconds: idle, refreshAbsoluteTtlSeconds: absolute } = details
  if (idle !== undefined && absolute !== undefined && idle > absolute) {
    throw invalid('refresh idle lifetime', 'it must not be longer than the absolute one')
  }

  return {
    id,
    name: details.name,
    isConfidential,
    isNative,
    isFirstParty,
    grants,
    scopes,
    audiences,
    redirectUris,
    allowedOrigins,
    authenticationMethods: isConfidential ? ['client_secret_basic', 'client_secret_post'] : ['none'],
    latePolicy: details.latePolicy ?? (isConfidential || isNative ? 'supersede' : 'revoke'),
    accessTokenAlg: details.accessTokenAlg ?? null,
    accessTokenTtlSeconds: ttl('access token', details.accessTokenTtlSeconds, ACCESS_TOKEN_TTL_SECONDS),
    refreshIdleTtlSeconds: ttl('refresh idle', details.refreshIdleTtlSeconds, REFRESH_TTL_SECONDS),
    refreshAbsoluteTtlSeconds: ttl(
      'refresh absolute',
      details.refreshAbsoluteTtlSeconds,
      REFRESH_TTL_SECONDS,
    ),
    unrememberedTtlSeconds: ttl('unremembered', details.unrememberedTtlSeconds, REFRESH_TTL_SECONDS),
    createdAt: now,
    disabledAt: null,
  }
}

function checkGrants(names: readonly string[], isConfidential: boolean, isFirstParty: boolean): GrantType[] {
  const grants = unique(names)
  const known = grants.filter(isGrantType)
  if (known.length < grants.length) throw invalid('grant', `choose from ${GRANT_TYPES.join(', ')}`)
  if (known.includes('client_credentials') && !isConfidential) {
    throw invalid('grant', 'client_credentials needs a secret, and a public client has none (RFC 6749 §4.4)')
  }
  if (known.includes('password') && !isFirstParty) {
    throw invalid(
      'grant',
      'password shows the client its users’ passwords: only a first-party client may have it',
    )
  }
  return known
}

/** RFC 6749 §3.1.2: absolute, no fragment. Plain http only to the user's own machine (RFC 8252 §7.3). */
function checkRedirectUri(uri: string): void {
  if (!URL.canParse(uri) || uri.includes('#'))
    throw invalid('redirect-uri', 'it must be absolute, without fragment')
  const { protocol, hostname } = new URL(uri)
  const isLocal = ['localhost', '127.0.0.1', '[::1]'].includes(hostname)
  if (protocol === 'http:' && !isLocal)
    throw invalid('redirect-uri', 'plain http goes to this machine only: use https')
  if (['javascript:', 'data:', 'file:', 'vbscript:'].includes(protocol)) {
    throw invalid('redirect-uri', `${protocol} cannot receive a redirect`)
  }
}

/** As browsers say it (RFC 6454 §6.2): `https://app.example.com`. */
function checkOrigin(origin: string): void {
  const url = URL.canParse(origin) ? new URL(origin) : undefined
  if (url === undefined || url.origin !== origin || !['http:', 'https:'].includes(url.protocol)) {
    throw invalid(
      'origin',
      'it must be what browsers send: scheme, host and port, as https://app.example.com',
    )
  }
}

function ttl(
  what: string,
  seconds: number | undefined,
  bounds: { least: number; most: number },
): number | null {
  if (seconds === undefined) return null
  if (Number.isInteger(seconds) && seconds >= bounds.least && seconds <= bounds.most) return seconds
  throw invalid(`${what} lifetime`, `it must be from ${bounds.least} to ${bounds.most} seconds`)
}

function checkText(what: string, values: readonly string[], longest: number): void {
  if (values.length > MAX_LIST) throw invalid(what, `at most ${MAX_LIST}`)
  for (const value of values) {
    if (value.length === 0 || value.length > longest || /\p{C}/u.test(value)) {
      throw invalid(what, `it must have 1 to ${longest} characters, none of them a control character`)
    }
  }
}

function checkTotal(what: string, values: readonly string[]): void {
  if (Buffer.byteLength(JSON.stringify(values)) <= MAX_TOTAL_LENGTH) return
  throw invalid(what, `all of them together are longer than ${MAX_TOTAL_LENGTH} bytes`)
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)]
}

function invalid(what: string, rule: string): Refusal {
  return new Refusal('client_invalid', `${what}: ${rule}`)
}
