import { readHash, saysNoPassword } from './all-formats.ts'
import { LEGACY_PREFIX } from './django-legacy.ts'

/** What an import makes of a hash from elsewhere. */
export type ForeignHash =
  /** To be stored like this; null where the user has no password. */
  | { readonly outcome: 'accepted'; readonly passwordHash: string | null }
  /** MD5, SHA-1 or DES crypt, which are accepted only where that is asked for by name. */
  | { readonly outcome: 'legacy' }
  /** Of no format we know, malformed, or asking for too much: no password would ever fit it. */
  | { readonly outcome: 'unusable' }

/** Reads a hash that a user is to be imported with. It computes nothing. */
export function readForeignHash(
  stored: string,
  { isLegacyAllowed }: { isLegacyAllowed: boolean },
): ForeignHash {
  if (stored === '' || saysNoPassword(stored)) return { outcome: 'accepted', passwordHash: null }
  // The mark says that this very import was told to let such a hash in: it does not come from outside.
  if (stored.startsWith(LEGACY_PREFIX)) return { outcome: 'unusable' }
  if (readHash(stored) !== undefined) return { outcome: 'accepted', passwordHash: stored }
  const marked = LEGACY_PREFIX + stored
  if (readHash(marked) === undefined) return { outcome: 'unusable' }
  return isLegacyAllowed ? { outcome: 'accepted', passwordHash: marked } : { outcome: 'legacy' }
}
