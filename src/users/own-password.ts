import type { Clock } from '../clock.ts'
import type { Hasher } from '../passwords/hasher.ts'
import { passwordFaults } from '../passwords/password-faults.ts'
import type { KnownOfUser } from '../passwords/too-similar.ts'
import type { Login } from './login.ts'
import type { User } from './user.ts'
import type { Users } from './users.ts'

/** A password that its user wants to set, in a session or with a key of theirs. */
export interface OwnPasswordChange {
  readonly userId: string
  /** Checked where it is given. */
  readonly oldPassword?: string | undefined
  readonly newPassword: string
  /** The session that this is done in; every other one ends. */
  readonly keptSessionId: string | null
}

/** What became of it. */
export type OwnPasswordOutcome =
  | { readonly outcome: 'changed' }
  | { readonly outcome: 'old_password_wrong' }
  | { readonly outcome: 'refused'; readonly faults: readonly string[] }
  | { readonly outcome: 'user_gone' }

/**
 * Has a user set another password. Whoever knew the old one is out: all other sessions end with it, and all authtokens and
 * API keys of the user.
 * @throws Unavailable
 */
export type ChangeOwnPassword = (change: OwnPasswordChange) => Promise<OwnPasswordOutcome>

/** Makes the change of one's own password. A wrong old one is a failed login, by its deadline and in the audit log. */
export function makeChangeOwnPassword({
  users,
  hasher,
  login,
  clock,
}: {
  users: Pick<Users, 'find' | 'setPassword'>
  hasher: Pick<Hasher, 'hash'>
  login: Login
  clock: Clock
}): ChangeOwnPassword {
  return async ({ userId, oldPassword, newPassword, keptSessionId }) => {
    const user = await users.find(userId)
    if (!user) return { outcome: 'user_gone' }
    if (oldPassword !== undefined) {
      const { outcome } = await login(user.username, oldPassword)
      if (outcome === 'refused') return { outcome: 'old_password_wrong' }
    }
    const faults = await passwordFaults(newPassword, knownOf(user))
    if (faults.length > 0) return { outcome: 'refused', faults }
    const passwordHash = await hasher.hash(newPassword)
    const event = { event: 'user.password_changed', actor: `user:${userId}`, userId } as const
    const isSet = await users.setPassword(userId, passwordHash, clock.now(), event, keptSessionId)
    return { outcome: isSet ? 'changed' : 'user_gone' }
  }
}

/** What a password of a user must not look like. Names that were brought along are in `extra`. */
export function knownOf({ username, email, extra }: Pick<User, 'username' | 'email' | 'extra'>): KnownOfUser {
  const { first_name: firstName, last_name: lastName } = extra
  return {
    username,
    email,
    ...(typeof firstName === 'string' && { firstName }),
    ...(typeof lastName === 'string' && { lastName }),
  }
}
