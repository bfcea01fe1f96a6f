import type { Clock } from '../clock.ts'
import type { SymmetricKeys } from '../keys/symmetric-keys.ts'
import { makeAcceptedKey, printAcceptedKey } from './accepted-key.ts'
import type { OldTokens, OutstandingToken } from './old-tokens.ts'

/** The purpose that the old key is sealed for. */
export const OLD_KEY_PURPOSE = 'old-refresh-token'

/** What an operator may do with the refresh tokens of an earlier system. Audited; all throw Refusal. */
export function oldTokenAdministration(parts: {
  oldTokens: OldTokens
  symmetricKeys: () => Promise<Pick<SymmetricKeys, 'takeOver'>>
  clock: Clock
}) {
  const { oldTokens, symmetricKeys, clock } = parts
  return {
    /** Accepts tokens that the old key has signed, instead of those of the one before. Nodes know of it within 15 seconds. */
    async accept(
      details: { text: string; algorithm: string; acceptUntil: Date; isListRequired: boolean },
      { isDryRun }: { isDryRun: boolean },
      actor: string,
    ): Promise<void> {
      const key = makeAcceptedKey(details, clock.now())
      if (isDryRun) return
      const { algorithm, acceptUntil, isListRequired } = key
      const said = { algorithm, accept_until: acceptUntil.toISOString(), list_required: isListRequired }
      await (await symmetricKeys()).takeOver(OLD_KEY_PURPOSE, printAcceptedKey(key), actor, said)
    },

    /** @returns how many were new */
    importAll: (tokens: readonly OutstandingToken[], actor: string): Promise<number> =>
      oldTokens.addAll(tokens, clock.now(), actor),
  }
}

/** What an operator may do with them. */
export type OldTokenAdministration = ReturnType<typeof oldTokenAdministration>
