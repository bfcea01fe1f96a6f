import type { CheckAuthtoken } from '../authtokens/authentication.ts'
import { type Client, mayIntrospect } from '../clients/client.ts'
import { toSeconds } from '../clock.ts'
import { printScope } from '../oauth/scope.ts'
import type { AccessTokens, VerifiedAccessToken } from './access-token.ts'
import { familyExpiry, type Lifetimes, lifetimesOf } from './lifetimes.ts'
import type { ReadRefreshState } from './refresh-state.ts'
import { basisOf, type TokenStanding } from './token-standing.ts'

/** RFC 7662 §2.2, with wire names. Of a token that is not active nothing else is said. */
export type IntrospectionResponse =
  | { readonly active: false }
  | ({ readonly active: true } & Record<string, unknown>)

/** Answers what a token is worth now. */
export type Introspect = (token: string, caller: Client) => Promise<IntrospectionResponse>

/** What introspection looks at. */
export interface IntrospectionParts {
  readonly issuer: string
  readonly accessTokens: AccessTokens
  readonly readRefreshState: ReadRefreshState
  readonly standing: TokenStanding
  readonly lifetimes: Lifetimes
  readonly checkAuthtoken: CheckAuthtoken
}

/** No access token is forty hex digits. */
const AUTHTOKEN = /^[0-9a-f]{40}$/
const INACTIVE = { active: false } as const

/**
 * Makes introspection (RFC 7662): any token of ours, looked up in the record, for a client that may know. Unknown,
 * malformed, expired, ended and foreign tokens are one answer.
 * The returned function throws Unavailable when the record cannot be asked.
 */
export function makeIntrospection(parts: IntrospectionParts): Introspect {
  return async (token, caller) => {
    if (token.startsWith('rt1.')) return introspectRefreshToken(token, caller, parts)
    if (AUTHTOKEN.test(token)) return introspectAuthtoken(token, caller, parts)
    const verified = await parts.accessTokens.verify(token)
    if (!verified || !mayIntrospect(caller, verified)) return INACTIVE
    const stands = await parts.standing.stands(basisOf(verified))
    return stands ? describe(verified, parts.issuer) : INACTIVE
  }
}

function describe(token: VerifiedAccessToken, issuer: string): IntrospectionResponse {
  const { audience, username, sessionId, keyId } = token
  return {
    active: true,
    token_type: 'Bearer',
    iss: issuer,
    sub: token.subject,
    aud: audience.length === 1 ? audience[0] : audience,
    client_id: token.clientId,
    ...(token.scope.length > 0 && { scope: printScope(token.scope) }),
    iat: toSeconds(token.issuedAt),
    exp: toSeconds(token.expiresAt),
    jti: token.jti,
    ...(username !== undefined && { username }),
    ...(sessionId !== undefined && { sid: sessionId }),
    ...(keyId !== undefined && { key_id: keyId }),
  }
}

/** A refresh token concerns nobody but the client that holds it; it is active if presenting it now would succeed. */
async function introspectRefreshToken(
  text: string,
  caller: Client,
  { readRefreshState, lifetimes, issuer }: IntrospectionParts,
): Promise<IntrospectionResponse> {
  const state = await readRefreshState(text, caller)
  if (state.outcome !== 'live') return INACTIVE
  const { family, user } = state.found
  return {
    active: true,
    iss: issuer,
    sub: family.userId,
    client_id: family.clientId,
    username: user.username,
    ...(family.scope.length > 0 && { scope: printScope(family.scope) }),
    exp: toSeconds(familyExpiry(family, state.position, lifetimesOf(caller, lifetimes))),
    sid: family.sessionId,
  }
}

/** An authtoken names no audience: any resource server may ask, and no client that gets tokens for others. */
async function introspectAuthtoken(
  text: string,
  caller: Client,
  { checkAuthtoken, issuer }: IntrospectionParts,
): Promise<IntrospectionResponse> {
  if (caller.grants.length > 0) return INACTIVE
  const checked = await checkAuthtoken(text)
  if (checked.outcome === 'refused') return INACTIVE
  const { userId, username, createdAt, expiresAt } = checked.authtoken
  return {
    active: true,
    token_type: 'Token',
    iss: issuer,
    sub: userId,
    username,
    iat: toSeconds(createdAt),
    ...(expiresAt !== null && { exp: toSeconds(expiresAt) }),
  }
}
