import type { EndReason } from '../sessions/session.ts'
import type { Position, RotationOutcome, RotationRules } from './rotation.ts'

/** The chain of refresh tokens that one client holds for one session. */
export interface RefreshFamily {
  /** 16 random bytes; `fid` in access tokens, as base64url. */
  readonly id: Buffer
  readonly sessionId: string
  readonly userId: string
  readonly clientId: string
  /** What was granted at the login: a refresh may ask for less, never for more. */
  readonly scope: readonly string[]
  /** Empty: the issuer, whatever it is called by then. */
  readonly audience: readonly string[]
  /** 16 random bytes that the tokens are derived with. */
  readonly salt: Buffer
  /** Runs from the login and never moves. */
  readonly absoluteExpiresAt: Date
  /** Slides on each real rotation. */
  readonly idleExpiresAt: Date
  readonly endedAt: Date | null
  /** As anchored in Postgres: Redis may be ahead of it by one flush. */
  readonly anchor: Position
}

/** A login whose session, and family where the client may refresh, are to be recorded. */
export interface NewSession {
  readonly id: string
  readonly userId: string
  readonly clientId: string
  readonly authenticatedAt: Date
  /** RFC 8176 names. */
  readonly authenticationMethods: readonly string[]
  /** Of the password that the user signed in with. */
  readonly passwordChangedAt: Date | null
  /** When the last token of the session ends at the latest, as known now. */
  readonly expiresAt: Date
  readonly family: RefreshFamily | undefined
}

/** What a rotation needs to know besides the family. */
export interface RotationRequest {
  readonly presented: number
  readonly now: Date
  /** The refresh key version for a new generation. */
  readonly keyVersion: number
  readonly rules: RotationRules
  /** Where the idle expiry slides to on a real rotation. */
  readonly idleExpiresAt: Date
}

/** What became of a rotation. `ended`: somebody ended the family meanwhile. */
export interface Rotation {
  readonly outcome: RotationOutcome | 'ended'
  /** The position after it; its generation is the one to hand out. */
  readonly position: Position
  /** The fast store had no or an older record, and was set right from the anchor. */
  readonly rebuilt: boolean
  /** The fast store did not answer, and the record itself was moved. */
  readonly degraded: boolean
}

/** Sessions' refresh families. Reading one for a request is `Presented`. */
export interface RefreshFamilies {
  /**
   * Records a login. It has happened only when this has returned true; false: the user has been disabled, deleted or
   * given another password since, so that nothing may begin that those have just ended. A family that is there already is
   * left as it is, and counts as begun.
   */
  begin(session: NewSession): Promise<boolean>
  /**
   * One atomic step of the chain (rotation.ts). Any number of concurrent calls, on any number of nodes, agree on one
   * successor; repeating a call whose answer was lost is safe.
   * @throws Unavailable when the outcome is unknown
   */
  rotate(family: RefreshFamily, request: RotationRequest): Promise<Rotation>
  /** Where the family stands now; changes nothing. */
  position(family: RefreshFamily): Promise<Position>
  /**
   * Ends the family, and with the last family its session, with an audit row: when this returns, no node accepts any of
   * its tokens, whatever is restarted or lost later. Ending it twice is not an error, and writes nothing.
   * @throws Unavailable when it is not certain that it ended
   */
  end(family: RefreshFamily, reason: EndReason, actor: string, now: Date): Promise<void>
  /** Writes what is waiting to be anchored. */
  flush(): Promise<void>
}
