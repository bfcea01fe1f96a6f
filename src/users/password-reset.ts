import type { Clock } from '../clock.ts'
import { digestOfLinkToken } from '../links/link.ts'
import type { Links } from '../links/links.ts'
import type { Hasher } from '../passwords/hasher.ts'
import { passwordFaults } from '../passwords/password-faults.ts'
import { knownOf } from './own-password.ts'
import type { Users } from './users.ts'

/** A new password, and the link that allows it. */
export interface PasswordReset {
  /** Whom the link says it is for. */
  readonly userId: string
  readonly token: string
  readonly newPassword: string
}

/** What became of it. A link that is refused stays as it is. */
export type PasswordResetOutcome =
  | { readonly outcome: 'reset' }
  | { readonly outcome: 'link_unknown' }
  /** Told only to who has a good link: it is for somebody else. */
  | { readonly outcome: 'link_of_another' }
  | { readonly outcome: 'refused'; readonly faults: readonly string[] }

/**
 * Sets a password with a link that was sent by mail. All sessions, authtokens and API keys of the user end with it, and the
 * address counts as verified.
 * @throws Unavailable
 */
export type ResetPassword = (reset: PasswordReset) => Promise<PasswordResetOutcome>

/** Makes it. The link is looked at before anything costs a hash, and used up in the transaction that sets the password. */
export function makeResetPassword({
  users,
  links,
  hasher,
  clock,
}: {
  users: Pick<Users, 'find' | 'resetPassword'>
  links: Pick<Links, 'find'>
  hasher: Pick<Hasher, 'hash'>
  clock: Clock
}): ResetPassword {
  return async ({ userId, token, newPassword }) => {
    const digest = digestOfLinkToken(token)
    if (!digest) return { outcome: 'link_unknown' }
    const link = { purpose: 'password_reset', digest } as const
    const found = await links.find(link, clock.now())
    const user = found && (await users.find(found.userId))
    if (!user) return { outcome: 'link_unknown' }
    if (user.id !== userId) return { outcome: 'link_of_another' }
    const faults = await passwordFaults(newPassword, knownOf(user))
    if (faults.length > 0) return { outcome: 'refused', faults }
    const passwordHash = await hasher.hash(newPassword)
    const event = { event: 'user.password_reset', actor: `user:${userId}`, userId } as const
    const isReset = await users.resetPassword(link, passwordHash, clock.now(), event)
    return { outcome: isReset ? 'reset' : 'link_unknown' }
  }
}
