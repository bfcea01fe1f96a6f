import type { VerifiedAccessToken } from './access-token.ts'

/** What an access token rests on. */
export interface TokenBasis {
  readonly jti: string
  readonly clientId: string
  /** Absent where the client acts for itself. */
  readonly userId: string | undefined
  readonly sessionId: string | undefined
  readonly familyId: string | undefined
  /** The API key that was exchanged for it; such a token has no client. */
  readonly keyId: string | undefined
}

/** What `token` rests on. */
export function basisOf({
  jti,
  clientId,
  sessionId,
  familyId,
  keyId,
  subject,
  username,
}: VerifiedAccessToken): TokenBasis {
  const userId = username === undefined ? undefined : subject
  return { jti, clientId, userId, sessionId, familyId, keyId }
}

/** Access tokens that ended before they expired, and whether what a token rests on still stands. */
export interface TokenStanding {
  /**
   * Whether nothing that the token rests on has ended: the token itself, its client, user, session and family.
   * @throws Unavailable
   */
  stands(basis: TokenBasis): Promise<boolean>
  /**
   * Ends one access token; kept until it would have expired, then forgotten.
   * @throws Unavailable when it is not certain that it ended
   */
  revoke(jti: string, expiresAt: Date, now: Date, actor: string): Promise<void>
}
