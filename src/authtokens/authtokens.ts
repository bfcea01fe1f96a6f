import type { AuditEvent } from '../audit/events.ts'
import type { Authtoken } from './authtoken.ts'

/** An authtoken that somebody has presented, and what decides whether it stands. */
export interface PresentedAuthtoken {
  readonly authtoken: Authtoken
  readonly userIsActive: boolean
  /** Whether it was ended together with everything else of its user. */
  readonly hasEnded: boolean
}

/** What a user's default key follows from, read at one moment. */
export interface DefaultAuthtokenState {
  readonly username: string
  readonly userIsActive: boolean
  readonly passwordChangedAt: Date | null
  /** The present version of the user's authtokens. */
  readonly version: number
  /** Of the symmetric key that it was derived with; undefined where it has never been shown in this version. */
  readonly keyVersion: number | undefined
}

/** A default key to be remembered: its digest only. */
export interface NewDefaultAuthtoken {
  readonly id: string
  readonly userId: string
  readonly digest: Uint8Array
  readonly version: number
  readonly keyVersion: number
  readonly createdAt: Date
}

/** A random key to be remembered: its digest only. */
export interface NewNamedAuthtoken {
  readonly id: string
  readonly userId: string
  readonly name: string
  readonly digest: Uint8Array
  readonly createdAt: Date
  readonly expiresAt: Date | null
}

/** A key that an earlier system has given out: its digest only. */
export interface ImportedAuthtoken {
  readonly userId: string
  readonly digest: Uint8Array
  readonly createdAt: Date
}

/** A user without a key. */
export interface UserWithoutAuthtoken {
  readonly userId: string
  readonly username: string
  /** The present version of the user's authtokens. */
  readonly version: number
}

/**
 * All authtokens. That they end with everything else of a user is a part of other changes
 * (sessions/credential-parts-postgres.ts). All throw Unavailable when it is not certain.
 */
export interface Authtokens {
  /** One query for all that is asked in a turn of the event loop. */
  find(digest: Uint8Array): Promise<PresentedAuthtoken | undefined>
  defaultOf(userId: string): Promise<DefaultAuthtokenState | undefined>
  /**
   * Remembers default keys. Those of which the user is disabled, gone or of another version by now, or has it already,
   * are left out.
   * @returns the ids of those that were added
   */
  addDefaults(tokens: readonly NewDefaultAuthtoken[], actor: string): Promise<string[]>
  /** @returns `taken` where the user has one of that name, `too_many` where the user has a hundred */
  addNamed(token: NewNamedAuthtoken, event: AuditEvent): Promise<'added' | 'taken' | 'too_many' | 'unknown'>
  /** Takes keys of an earlier system, once each; those of unknown users are left out. @returns how many were new */
  addImported(tokens: readonly ImportedAuthtoken[], actor: string): Promise<number>
  /** In order of id; at most `limit`, after the id `after`; those that have ended are not among them. */
  list(filter: { readonly userId?: string | undefined }, limit: number, after?: string): Promise<Authtoken[]>
  /**
   * Ends one; the user's next login shows another one where it was the default one. With `userId`, only where it is that
   * user's. @returns false when there is none
   */
  revoke(id: string, actor: string, userId?: string): Promise<boolean>
  /** Active users who have neither a default nor an imported one, in order of id. */
  usersWithoutDefault(limit: number, after?: string): Promise<UserWithoutAuthtoken[]>
}
