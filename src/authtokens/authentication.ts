import type { Clock } from '../clock.ts'
import { digestSecret } from '../crypto/secret.ts'
import { type Authtoken, isPossibleAuthtoken } from './authtoken.ts'
import type { Authtokens } from './authtokens.ts'

/** Why an authtoken was refused: for the log, and for a door that tells a disabled user apart as Django does. */
export type AuthtokenRefusal =
  | 'authtoken_malformed'
  | 'authtoken_unknown'
  | 'authtoken_ended'
  | 'authtoken_expired'
  | 'user_disabled'

/** What a presented key is worth. */
export type AuthtokenOutcome =
  | { readonly outcome: 'valid'; readonly authtoken: Authtoken }
  | { readonly outcome: 'refused'; readonly reason: AuthtokenRefusal }

/**
 * Checks a presented key.
 * @throws Unavailable when the store cannot be asked: never a refusal
 */
export type CheckAuthtoken = (presented: string) => Promise<AuthtokenOutcome>

/**
 * Makes the check of authtokens: one query at most, and none for what cannot be a key. The key is looked up by its digest,
 * so that the time says nothing about how much of it is right.
 * @param parts.noteUse told of each key that was accepted
 */
export function checkAuthtoken({
  authtokens,
  clock,
  noteUse,
}: {
  authtokens: Pick<Authtokens, 'find'>
  clock: Clock
  noteUse: (authtoken: Authtoken) => void
}): CheckAuthtoken {
  return async (presented) => {
    if (!isPossibleAuthtoken(presented)) return refused('authtoken_malformed')
    const found = await authtokens.find(digestSecret(presented))
    if (!found) return refused('authtoken_unknown')
    const { authtoken, userIsActive, hasEnded } = found
    if (!userIsActive) return refused('user_disabled')
    if (hasEnded) return refused('authtoken_ended')
    if (authtoken.expiresAt !== null && authtoken.expiresAt <= clock.now())
      return refused('authtoken_expired')
    noteUse(authtoken)
    return { outcome: 'valid', authtoken }
  }
}

function refused(reason: AuthtokenRefusal): AuthtokenOutcome {
  return { outcome: 'refused', reason }
}
