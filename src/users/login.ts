import type { Clock } from '../clock.ts'
import type { Hasher } from '../passwords/hasher.ts'
import { isPossibleIdentifier } from './identifier.ts'
import type { BeginLoginAttempt } from './login-attempts.ts'
import type { User } from './user.ts'
import type { Users } from './users.ts'

/**
 * No failed login is answered earlier than this after its hash has begun, so that the time says nothing about whether the
 * name exists or how its password is stored. It is four times what the slowest accepted format takes at Django's newest
 * settings (pbkdf2_sha256 with 1,800,000 iterations, half a second; docs/adr/0006-passwords.md): hashes are computed at
 * low priority.
 */
const FAILURE_DEADLINE_MS = 2000

/** Why a login was refused: for log and metric only, the caller is told one thing. */
export type LoginRefusal =
  | 'identifier_unknown'
  | 'password_wrong'
  | 'password_unusable'
  | 'user_disabled'
  | 'email_unverified'

/** What became of a login. */
export type LoginOutcome =
  | { readonly outcome: 'signed_in'; readonly user: User; readonly passwordChangedAt: Date | null }
  | { readonly outcome: 'refused'; readonly reason: LoginRefusal }

/** Checks a username or e-mail address with a password. */
export type Login = (identifier: string, password: string) => Promise<LoginOutcome>

/**
 * Makes the login check. Whatever is wrong, one hash is computed and the refusal comes no earlier than a fixed time
 * after that has begun, so that unknown, wrong and disabled cannot be told apart (OWASP ASVS 6.3.8).
 * A password whose hash is out of date is hashed anew; a failure of that does not fail the login.
 * The returned function throws TooManyRequests as the attempt would, before a hash is computed, and Unavailable when the hashing queue is full or the store is silent: never a refusal.
 */
export function makeLogin({
  users,
  hasher,
  clock,
  beginAttempt,
  noteUser,
  noteRefusal,
}: {
  users: Users
  hasher: Hasher
  clock: Clock
  beginAttempt: BeginLoginAttempt
  /** Told of each user whose password is tried. */
  noteUser: (userId: string) => void
  /** Told of each refusal, and whose name it was, if anybody's. */
  noteRefusal: (reason: LoginRefusal, userId: string | undefined) => void
}): Login {
  async function check(identifier: string, password: string, noteStart: () => void): Promise<LoginOutcome> {
    const found = isPossibleIdentifier(identifier) ? await users.findByIdentifier(identifier) : undefined
    if (found) noteUser(found.user.id)
    const stored = found?.passwordHash ?? undefined
    const attempt = await beginAttempt(identifier, found?.user.id)
    const verification = await hasher.verify(password, stored, noteStart).catch(async (error) => {
      await attempt.giveBack() // nothing was tried
      throw error
    })
    if (!found) return refused('identifier_unknown', undefined)
    const { id } = found.user
    if (verification.outcome === 'unusable') return refused('password_unusable', id)
    if (verification.outcome === 'mismatch') return refused('password_wrong', id)
    if (!found.user.isActive) return refused('user_disabled', id)
    if (found.awaitsEmail) return refused('email_unverified', id)

    await attempt.giveBack()
    const rehash = verification.rehash && stored ? await rehashed(password, stored) : undefined
    await users.noteLogin(found.user.id, clock.now(), rehash)
    return { outcome: 'signed_in', user: found.user, passwordChangedAt: found.passwordChangedAt }
  }

  function refused(reason: LoginRefusal, userId: string | undefined): LoginOutcome {
    noteRefusal(reason, userId)
    return { outcome: 'refused', reason }
  }

  async function rehashed(password: string, from: string): Promise<{ from: string; to: string } | undefined> {
    return hasher.hash(password).then(
      (to) => ({ from, to }),
      () => undefined,
    )
  }

  return async (identifier, password) => {
    // Counted from the start of the hash: behind a queue that is longer than the deadline, the hash would show.
    let started = clock.now()
    const result = await check(identifier, password, () => {
      started = clock.now()
    })
    if (result.outcome === 'refused') {
      await clock.wait(started.getTime() + FAILURE_DEADLINE_MS - clock.now().getTime())
    }
    return result
  }
}
