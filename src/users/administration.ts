import { randomUUID } from 'node:crypto'
import type { Clock } from '../clock.ts'
import type { Hasher } from '../passwords/hasher.ts'
import { checkNewPassword } from '../passwords/password-rules.ts'
import { Refusal } from '../refusal.ts'
import { checkEmail, checkUsername } from './identifier.ts'
import { type ImportedRow, type ImportOptions, importUsers, type RowReport } from './import.ts'
import type { User } from './user.ts'
import type { Users } from './users.ts'

/** What a new user is made of. Without a password the user cannot sign in until one is set. */
export interface UserDetails {
  readonly username: string
  readonly email?: string | null | undefined
  readonly password?: string | undefined
  readonly isStaff?: boolean | undefined
  readonly isSuperuser?: boolean | undefined
  readonly extra?: Readonly<Record<string, unknown>> | undefined
}

/**
 * What an operator may do with users; the command line and the administration API are two thin doors to it. Each change
 * is audited in its own transaction. `name` is a username or an e-mail address.
 * All throw Refusal with what to do about it.
 */
export function userAdministration({
  users,
  hasher,
  clock,
  makeAuthtoken,
}: {
  users: Users
  hasher: Hasher
  clock: Clock
  /** Where each new user gets an authtoken. */
  makeAuthtoken?: ((userId: string, actor: string) => Promise<string | undefined>) | undefined
}) {
  async function required(name: string): Promise<User> {
    const found = await users.findByIdentifier(name)
    if (!found) throw unknownUser(name)
    return found.user
  }

  return {
    /** @returns the user, with the authtoken where one is made */
    async create(details: UserDetails, actor: string): Promise<User & { readonly authtoken?: string }> {
      checkUsername(details.username)
      const email = checkEmail(details.email)
      if (details.password !== undefined) checkNewPassword(details.password)
      const isSuperuser = details.isSuperuser ?? false
      const user: User = {
        id: randomUUID(),
        username: details.username,
        email,
        isActive: true,
        isStaff: details.isStaff ?? isSuperuser,
        isSuperuser,
        joinedAt: clock.now(),
        lastLoginAt: null,
        extra: details.extra ?? {},
      }
      const passwordHash = details.password === undefined ? null : await hasher.hash(details.password)
      const event = { event: 'user.created', actor, userId: user.id, details: { isSuperuser } } as const
      if (!(await users.add({ ...user, passwordHash }, event))) {
        throw new Refusal(
          'username_taken',
          'the username or the e-mail address belongs to another user already',
        )
      }
      const authtoken = await makeAuthtoken?.(user.id, actor)
      return { ...user, ...(authtoken !== undefined && { authtoken }) }
    },

    /** Takes users over from elsewhere, with their hashes; reports each row. What is there already stays as it is. */
    async importRows(
      rows: readonly ImportedRow[],
      options: ImportOptions,
      actor: string,
    ): Promise<RowReport[]> {
      return importUsers({ users, clock }, rows, options, actor)
    },

    show: required,

    list: (limit: number, after?: string): Promise<User[]> => users.list(limit, after),

    /** Sets a password and ends the user's sessions: whoever knew the old one is out. */
    async setPassword(name: string, password: string, actor: string): Promise<User> {
      const user = await required(name)
      checkNewPassword(password)
      const passwordHash = await hasher.hash(password)
      const event = { event: 'user.password_set', actor, userId: user.id } as const
      if (!(await users.setPassword(user.id, passwordHash, clock.now(), event))) throw unknownUser(name)
      return user
    },

    /** Counts the address as the user's, as a link that was sent there would: who waits for one may sign in. */
    async verifyEmail(name: string, actor: string): Promise<User> {
      const user = await required(name)
      if (user.email === null) throw new Refusal('email_missing', `${user.username} has no e-mail address`)
      await users.verifyEmail({ userId: user.id }, clock.now(), (userId) => {
        return { event: 'user.email_verified', actor, userId }
      })
      return user
    },

    /** Signs the user out everywhere, at once, and refuses every later login. */
    async disable(name: string, actor: string): Promise<User> {
      const user = await required(name)
      await users.setActive(user.id, false, clock.now(), { event: 'user.disabled', actor, userId: user.id })
      return { ...user, isActive: false }
    },

    async enable(name: string, actor: string): Promise<User> {
      const user = await required(name)
      await users.setActive(user.id, true, clock.now(), { event: 'user.enabled', actor, userId: user.id })
      return { ...user, isActive: true }
    },

    /** Removes the user with everything that is theirs: sessions, families, identifiers. The audit rows stay. */
    async remove(name: string, actor: string): Promise<User> {
      const user = await required(name)
      await users.remove(user.id, { event: 'user.deleted', actor, userId: user.id })
      return user
    },
  }
}

/** What an operator may do with users. */
export type UserAdministration = ReturnType<typeof userAdministration>

function unknownUser(name: string): Refusal {
  return new Refusal('user_unknown', `there is no user ${JSON.stringify(name)}: see keyturn users list`)
}
