import type { Clock } from '../clock.ts'
import { digestOfLinkToken } from '../links/link.ts'
import type { Users } from './users.ts'

/**
 * Notes that a user reads mail at the address, by the token of a link that went there.
 * @returns false where the link is not good, or not any more
 * @throws Unavailable
 */
export type VerifyEmail = (token: string) => Promise<boolean>

/** Makes it. */
export function makeVerifyEmail({
  users,
  clock,
}: {
  users: Pick<Users, 'verifyEmail'>
  clock: Clock
}): VerifyEmail {
  return async (token) => {
    const digest = digestOfLinkToken(token)
    if (!digest) return false
    return users.verifyEmail({ purpose: 'verify_email', digest }, clock.now(), (userId) => {
      return { event: 'user.email_verified', actor: `user:${userId}`, userId }
    })
  }
}
