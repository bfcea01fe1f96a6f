import type { AuditEvent } from '../audit/events.ts'

/** A refresh token of an earlier system's, to be brought along. */
export interface OutstandingToken {
  readonly jti: string
  readonly userId: string
  readonly expiresAt: Date
  readonly isBlacklisted: boolean
}

/** What is known of a presented one, and its user, if that exists. */
export interface FoundOldToken {
  readonly user: { readonly id: string; readonly username: string }
  readonly userIsActive: boolean
  /** Staff, or superuser. */
  readonly userIsStaff: boolean
  readonly passwordChangedAt: Date | null
  /** Whether it was brought along, or has been swapped. */
  readonly isListed: boolean
  readonly isBlacklisted: boolean
  /** Whether all credentials of the user were ended since it was brought along. */
  readonly hasEnded: boolean
  readonly isSwapped: boolean
}

/** The refresh tokens of an earlier system. */
export interface OldTokens {
  /** Takes some over; one that is blacklisted meanwhile becomes so here. Audited. @returns how many were new */
  addAll(tokens: readonly OutstandingToken[], now: Date, actor: string): Promise<number>
  /** @param userId whose it says it is; looked at where it is not listed */
  find(jti: string, userId: string | undefined): Promise<FoundOldToken | undefined>
  /**
   * Writes down that one is used up, with an audit row, the first time. Removes some that have expired.
   * @returns `ended` where all credentials of the user have ended meanwhile: what was begun is to end
   */
  noteSwap(
    token: { jti: string; userId: string; expiresAt: Date },
    now: Date,
    event: AuditEvent,
  ): Promise<'noted' | 'ended'>
  /** Blacklists one: it is swapped no more. */
  blacklist(token: { jti: string; userId: string; expiresAt: Date }): Promise<void>
}
