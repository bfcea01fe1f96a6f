import type { Clock } from '../clock.ts'
import { digestSecret, equalDigests } from '../crypto/secret.ts'
import { type ApiKey, kindOfImportedHash, matchesSha512, prefixOf } from './api-key.ts'
import type { ApiKeys, PresentedApiKey } from './api-keys.ts'

/** Why an API key was refused: for the log. Whoever presents one learns only that it is not valid. */
export type ApiKeyRefusal =
  | 'api_key_malformed'
  | 'api_key_unknown'
  | 'api_key_revoked'
  | 'api_key_expired'
  | 'user_disabled'

/** What a presented key is worth. */
export type ApiKeyOutcome =
  | { readonly outcome: 'valid'; readonly apiKey: ApiKey }
  | { readonly outcome: 'refused'; readonly reason: ApiKeyRefusal }

/**
 * Checks a presented key.
 * @throws Unavailable when the store, or for an imported key a hash process, cannot be asked: never a refusal
 */
export type CheckApiKey = (presented: string) => Promise<ApiKeyOutcome>

/**
 * Makes the check of API keys: one query at most, and none for what cannot be a key. An imported key is checked by the
 * hash it came with, once: its digest is kept from then on.
 * @param parts.verifyPassword checks a password hash in a hash process
 * @param parts.noteUse told of each key that was accepted
 */
export function checkApiKey({
  apiKeys,
  verifyPassword,
  clock,
  noteUse,
}: {
  apiKeys: Pick<ApiKeys, 'find' | 'replaceHash'>
  verifyPassword: (password: string, stored: string) => Promise<boolean>
  clock: Clock
  noteUse: (apiKey: ApiKey) => void
}): CheckApiKey {
  return async (presented) => {
    const prefix = prefixOf(presented)
    if (prefix === undefined) return refused('api_key_malformed')
    const found = await apiKeys.find(prefix)
    if (!found) return refused('api_key_unknown')
    const { apiKey, userIsActive } = found
    // What has ended costs no slow hash.
    const isOver = hasEnded(found)
    if (isOver !== undefined && found.digest === null) return refused(isOver)
    if (!(await isRight(presented, found))) return refused('api_key_unknown')
    if (isOver !== undefined) return refused(isOver)
    if (!userIsActive) return refused('user_disabled')
    noteUse(apiKey)
    return { outcome: 'valid', apiKey }
  }

  function hasEnded({ apiKey }: PresentedApiKey): ApiKeyRefusal | undefined {
    if (apiKey.revokedAt !== null) return 'api_key_revoked'
    if (apiKey.expiresAt !== null && apiKey.expiresAt <= clock.now()) return 'api_key_expired'
    return undefined
  }

  async function isRight(
    presented: string,
    { apiKey, digest, importedHash }: PresentedApiKey,
  ): Promise<boolean> {
    if (digest !== null) return equalDigests(digestSecret(presented), digest)
    const stored = importedHash ?? ''
    const isMatch =
      kindOfImportedHash(stored) === 'sha512'
        ? matchesSha512(presented, stored)
        : await verifyPassword(presented, stored)
    if (isMatch) await apiKeys.replaceHash(apiKey.id, stored, digestSecret(presented))
    return isMatch
  }
}

function refused(reason: ApiKeyRefusal): ApiKeyOutcome {
  return { outcome: 'refused', reason }
}
