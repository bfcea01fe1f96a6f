import { scopeInsufficient, tokenInvalid } from './bearer-error.ts'

/**
 * What an access token says, by its wire names (RFC 9068 §2.2). Keyturn's have, besides, `username` and `user_id` where
 * a user is behind them, and none of the two where a client acts for itself.
 */
export interface AccessTokenClaims {
  readonly iss: string
  /** The user's id, or the client's where it acts for itself. */
  readonly sub: string
  readonly aud: string | readonly string[]
  readonly client_id: string
  /** Seconds since 1970. */
  readonly exp: number
  readonly iat: number
  readonly jti: string
  /** Separated by spaces. */
  readonly scope?: string
  readonly username?: string
  readonly [claim: string]: unknown
}

/** What a request needs its token to be allowed: all of these. */
export interface Needs {
  readonly scope?: string | readonly string[] | undefined
}

/** RFC 6749 §3.3. */
const SCOPE_TOKEN = /^[\x21\x23-\x5b\x5d-\x7e]+$/
const REQUIRED = { sub: 'string', client_id: 'string', jti: 'string', iat: 'number', exp: 'number' } as const
const OPTIONAL = { scope: 'string', username: 'string' } as const

/**
 * Takes claims whose signature, issuer, audience and times hold for what they are.
 * @throws BearerError `invalid_token` where RFC 9068 §2.2 asks for more
 */
export function readClaims(payload: Readonly<Record<string, unknown>>): AccessTokenClaims {
  for (const [name, type] of Object.entries(REQUIRED)) {
    if (typeof payload[name] !== type || payload[name] === '') throw tokenInvalid(`claim_${name}`)
  }
  for (const [name, type] of Object.entries(OPTIONAL)) {
    if (payload[name] !== undefined && typeof payload[name] !== type) throw tokenInvalid(`claim_${name}`)
  }
  return payload as unknown as AccessTokenClaims
}

/**
 * The scope tokens that are needed.
 * @throws TypeError for what cannot be a scope: it stands in the code, so that is a mistake there
 */
export function neededScope({ scope = [] }: Needs = {}): readonly string[] {
  const tokens = typeof scope === 'string' ? scope.split(' ') : scope
  for (const token of tokens) {
    if (!SCOPE_TOKEN.test(token)) throw new TypeError(`not a scope: ${JSON.stringify(token)}`)
  }
  return tokens
}

/** Whether a token is allowed all of `scope`. */
export function hasScope(
  claims: Pick<AccessTokenClaims, 'scope'>,
  scope: string | readonly string[],
): boolean {
  const granted = (claims.scope ?? '').split(' ')
  return neededScope({ scope }).every((token) => granted.includes(token))
}

/** @throws BearerError `insufficient_scope`, which says what is needed */
export function requireScope(claims: AccessTokenClaims, needed: readonly string[]): void {
  if (!hasScope(claims, needed)) throw scopeInsufficient(needed)
}
