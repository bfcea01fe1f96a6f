/** What an access token rests on. */
export interface TokenBasis {
  readonly jti: string
  readonly clientId: string
  /** Absent where the client acts for itself. */
  readonly userId: string | undefined
  readonly sessionId: string | undefined
  readonly familyId: string | undefined
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
