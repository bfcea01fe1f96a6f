import type { Session } from '../sessions/session.ts'
import type { RefreshOutcome } from './refresh-outcome.ts'

/** What an operator asked about, and what is known of it. Never a token, a secret, or anything to make one from. */
export interface Explanation {
  readonly kind: 'refresh_token' | 'access_token' | 'session' | 'family'
  /**
   * What presenting it now would come to, by the name that metric, log and audit have for it; of an access token or a
   * session whether it is active.
   */
  readonly outcome: RefreshOutcome | 'active' | 'inactive'
  /** Which rule decides that, as a sentence. */
  readonly because: string
  /** What a token itself says; absent for ids. */
  readonly token?: Readonly<Record<string, unknown>>
  /** Undefined where it is not in the record (any more). */
  readonly session?: Session
  readonly families: readonly FamilyLineage[]
  /** What the audit log has of the session, the latest last. */
  readonly events: readonly LoggedEvent[]
  /** What is missing from this answer, where something is. */
  readonly note?: string
}

/** Where a family stands in its chain, and how it came to that. */
export interface FamilyLineage {
  readonly id: string
  readonly clientId: string
  readonly createdAt: Date
  /** The live generation, the one presented to make it, and when. */
  readonly generation: number
  readonly predecessor: number
  readonly rotatedAt: Date
  readonly lateUsed: boolean
  readonly idleExpiresAt: Date
  readonly absoluteExpiresAt: Date
  readonly endedAt: Date | null
  readonly endReason: string | null
}

/** A row of the audit log, as far as it concerns a session. */
export interface LoggedEvent {
  readonly at: Date
  readonly event: string
  readonly actor: string
  readonly address: string | null
  readonly requestId: string | null
  readonly details: Readonly<Record<string, unknown>>
}

/** What the record has of sessions, for whoever asks why. */
export interface Lineages {
  /** The families under a session, the earliest first. */
  familiesOf(sessionId: string): Promise<FamilyLineage[]>
  /** The session that a family is under. */
  sessionOf(familyId: Buffer): Promise<string | undefined>
  /** At most the last fifty. */
  eventsOf(session: { readonly id: string; readonly userId: string }): Promise<LoggedEvent[]>
}
