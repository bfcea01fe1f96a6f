/** Why a session or a family ended; kept for the operator who asks. The last two are cutoffs: no row holds them. */
export type EndReason =
  | 'password_changed'
  | 'user_disabled'
  | 'client_disabled'
  | 'revoked'
  | 'reuse'
  | 'future'
  /** The user ended it, this one or all of them. */
  | 'signed_out'
  | 'ended_by_operator'
  /** Everything that its client had begun was ended. */
  | 'client_ended'
  /** Everything older than some moment was ended. */
  | 'issued_before'

/** `expired`: nobody ended it, it was not used for too long or lasted too long. */
export type SessionState = 'live' | 'ended' | 'expired'

/** One login on one device. */
export interface Session {
  /** `sid` in access tokens. */
  readonly id: string
  readonly userId: string
  readonly username: string
  /** With which the login began; null where it began under a release that did not keep it. */
  readonly clientId: string | null
  /** Where the login came from, and what its request called itself; null where that is not known. */
  readonly address: string | null
  readonly userAgent: string | null
  /** How the user signed in: RFC 8176 names (`pwd`). */
  readonly authenticationMethods: readonly string[]
  readonly signedInAt: Date
  /** When tokens were last refreshed, or the login. A retry does not count. */
  readonly lastSeenAt: Date
  readonly state: SessionState
  /** Null where it has not ended, or a cutoff ended it. */
  readonly endedAt: Date | null
  /** Null unless the state is `ended`. */
  readonly endReason: EndReason | null
}
