import { Refusal } from '../refusal.ts'
import type { RotationReport } from './administration.ts'
import type { SigningAlgorithm } from './algorithms.ts'
import { isIntroduced } from './rotation.ts'
import type { KeySchedule } from './schedule.ts'
import type { SigningKeys } from './signing-keys.ts'

/**
 * Publishes the first key of an algorithm, which signs once every verifier can have it: the same delay as for any key,
 * since verifiers hold a set without it. From then on the algorithm has a life of its own.
 * @returns nothing where the algorithm has been introduced before
 * @throws Refusal `too_early` to whoever insists on now
 */
export async function introduce(
  algorithm: SigningAlgorithm,
  { signingKeys, schedule }: { signingKeys: SigningKeys; schedule: KeySchedule },
  { now: atOnce }: { now: boolean },
  actor: string,
): Promise<RotationReport | undefined> {
  const { keys } = await signingKeys.load()
  if (isIntroduced(algorithm, keys)) return undefined
  if (atOnce) {
    throw new Refusal(
      'too_early',
      `no verifier has a key of ${algorithm} yet. Leave out --now: the first one is published then, and the answer says ` +
        'from when it signs',
    )
  }
  const made = await signingKeys.introduce(algorithm, schedule, actor)
  return (
    made && {
      outcome: 'introduced',
      algorithm,
      kid: made.kid,
      activatesAt: made.activatesAt.toISOString(),
      retiringKid: null,
      retiringRemovesAt: null,
    }
  )
}
