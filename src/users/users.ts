import type { AuditEvent } from '../audit/events.ts'
import type { PresentedLink } from '../links/links.ts'
import type { User } from './user.ts'

/** A user to be added; the store makes nothing up but the identifiers' normal form. */
export interface NewUser {
  readonly id: string
  readonly username: string
  readonly email: string | null
  readonly passwordHash: string | null
  readonly isActive: boolean
  readonly isStaff: boolean
  readonly isSuperuser: boolean
  readonly joinedAt: Date
  /** Of an earlier system. */
  readonly lastLoginAt?: Date | null
  readonly extra: Readonly<Record<string, unknown>>
  /** May not sign in before a link that was sent to the address was used. */
  readonly awaitsEmail?: boolean
}

/** A user together with what a login is checked against. */
export interface UserWithPassword {
  readonly user: User
  readonly passwordHash: string | null
  /** Null where it has not been set since the user was added. */
  readonly passwordChangedAt: Date | null
  /** Whether the user may not sign in before a link that was sent to the address was used. */
  readonly awaitsEmail: boolean
  /** Null where no such link was used. */
  readonly emailVerifiedAt: Date | null
}

/** All users. */
export interface Users {
  /**
   * Adds a user with its identifiers.
   * @returns false when another user has the username or address, as a username or as an address, or the id
   */
  add(user: NewUser, event: AuditEvent): Promise<boolean>
  /**
   * Adds many in one transaction, or none of them.
   * @returns false when any of them could not be added: try them one by one
   */
  addAll(users: readonly NewUser[], eventOf: (user: NewUser) => AuditEvent): Promise<boolean>
  /** Whose these names are, by their normal form, and which of these ids are taken: for an import, many at once. */
  findHolders(
    identifiers: readonly string[],
    ids: readonly string[],
  ): Promise<{ byIdentifier: Map<string, User>; takenIds: Set<string> }>
  find(id: string): Promise<User | undefined>
  /** By username or e-mail address, in any spelling of their normal form. */
  findByIdentifier(identifier: string): Promise<UserWithPassword | undefined>
  /** In order of username; at most `limit`, after the username `after`. */
  list(limit: number, after?: string): Promise<User[]>
  /**
   * Changes what a user is called. Its sessions go on: whoever it is stays the same.
   * @param changes.extra replaces the fields that it names, and leaves the others
   * @returns the user as it is now, `taken` when another one has the username, or undefined when there is no such user
   */
  update(
    id: string,
    changes: { readonly username?: string; readonly extra?: Readonly<Record<string, unknown>> },
    event: AuditEvent,
  ): Promise<User | 'taken' | undefined>
  /**
   * Sets the password and ends every session, authtoken and API key of the user, but for one session that may stay.
   * False when there is no such user.
   */
  setPassword(
    id: string,
    passwordHash: string,
    now: Date,
    event: AuditEvent,
    keptSessionId?: string | null,
  ): Promise<boolean>
  /**
   * Sets the password with a link, which is used up, and ends everything of the user: every session, authtoken and API key.
   * The address that the link was sent to counts as verified. False when the link is not good.
   */
  resetPassword(link: PresentedLink, passwordHash: string, now: Date, event: AuditEvent): Promise<boolean>
  /**
   * Notes that a user reads mail at the address, by a link, which is used up, or because an operator says so. False when the link
   * is not good, or there is no such user.
   */
  verifyEmail(
    by: PresentedLink | { readonly userId: string },
    now: Date,
    eventOf: (userId: string) => AuditEvent,
  ): Promise<boolean>
  /** Disables or enables; a change either way ends every session of the user. False when there is no such user. */
  setActive(id: string, isActive: boolean, now: Date, event: AuditEvent): Promise<boolean>
  /** Removes the user with everything that is theirs. False when there is no such user. */
  remove(id: string, event: AuditEvent): Promise<boolean>
  /** Notes a login, and a better hash of the same password if there is one and the old one still stands. */
  noteLogin(id: string, at: Date, rehash?: { from: string; to: string }): Promise<void>
}
