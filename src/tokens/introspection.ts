import { type Client, mayIntrospect } from '../clients/client.ts'
import { type Clock, toSeconds } from '../clock.ts'
import { printScope } from '../oauth/scope.ts'
import type { AccessTokens, VerifiedAccessToken } from './access-token.ts'
import { familyExpiry, type Lifetimes, lifetimesOf } from './lifetimes.ts'
import type { ReadPresented } from './presented.ts'
import type { RefreshFamilies } from './refresh-families.ts'
import type { RefreshStanding } from './refresh-standing.ts'
import type { RefreshTokens } from './refresh-token.ts'
import { rotate } from './rotation.ts'
import type { TokenStanding } from './token-standing.ts'

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
  readonly refreshTokens: RefreshTokens
  readonly readPresented: ReadPresented
  readonly refreshStanding: RefreshStanding
  readonly families: RefreshFamilies
  readonly standing: TokenStanding
  readonly retryWindowSeconds: number
  readonly lifetimes: Lifetimes
  readonly clock: Clock
}

const INACTIVE = { active: false } as const

/**
 * Makes introspection (RFC 7662): any token of ours, looked up in the record, for a client that may know. Unknown,
 * malformed, expired, ended and foreign tokens are one answer.
 * The returned function throws Unavailable when the record cannot be asked.
 */
export function makeIntrospection(parts: IntrospectionParts): Introspect {
  return async (token, caller) => {
    if (token.startsWith('rt1.')) return introspectRefreshToken(token, caller, parts)
    const verified = await parts.accessTokens.verify(token)
    if (!verified || !mayIntrospect(caller, verified)) return INACTIVE
    const { jti, clientId, sessionId, familyId, subject, username } = verified
    const userId = username === undefined ? undefined : subject
    const stands = await parts.standing.stands({ jti, clientId, userId, sessionId, familyId })
    return stands ? describe(verified, parts.issuer) : INACTIVE
  }
}

function describe(token: VerifiedAccessToken, issuer: string): IntrospectionResponse {
  const { audience, username, sessionId } = token
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
  }
}

/** A refresh token concerns nobody but the client that holds it; it is active if presenting it now would succeed. */
async function introspectRefreshToken(
  text: string,
  caller: Client,
  parts: IntrospectionParts,
): Promise<IntrospectionResponse> {
  const token = parts.refreshTokens.parse(text)
  if (!token) return INACTIVE
  const now = parts.clock.now()
  const { family: presented } = await parts.readPresented(caller.id, token.familyId)
  const stand = await parts.refreshStanding(token, presented, caller, now)
  if (stand.outcome !== 'live') return INACTIVE
  const { family, user } = stand.found
  const position = await parts.families.position(family)
  const expiresAt = familyExpiry(family, position, lifetimesOf(caller, parts.lifetimes))
  const rules = { retryWindowSeconds: parts.retryWindowSeconds, latePolicy: caller.latePolicy }
  const { outcome } = rotate(position, token.generation, now, token.keyVersion, rules)
  if (outcome === 'reuse' || outcome === 'future') return INACTIVE
  return {
    active: true,
    iss: parts.issuer,
    sub: family.userId,
    client_id: family.clientId,
    username: user.username,
    ...(family.scope.length > 0 && { scope: printScope(family.scope) }),
    exp: toSeconds(expiresAt),
    sid: family.sessionId,
  }
}
