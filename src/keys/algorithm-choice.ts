import { Refusal } from '../refusal.ts'
import { DEFAULT_SIGNING_ALGORITHM, isSigningAlgorithm, SIGNING_ALGORITHM_NAMES } from './algorithms.ts'
import type { KeySchedule } from './schedule.ts'
import { keyLives, type SigningKey } from './signing-key.ts'

/**
 * Refuses an algorithm that a client cannot have now, since no key of it signs. The default always has one, or the first
 * start makes it.
 * @param now the database's time
 * @throws Refusal `algorithm_unknown`, `algorithm_not_introduced`, `too_early` with the time from which it signs
 */
export function requireSigning(
  algorithm: string,
  keys: readonly SigningKey[],
  now: Date,
  schedule: KeySchedule,
): void {
  if (!isSigningAlgorithm(algorithm)) throw unknownAlgorithm(algorithm)
  if (algorithm === DEFAULT_SIGNING_ALGORITHM) return
  const lives = keyLives(keys, now, schedule).filter(({ key }) => key.algorithm === algorithm)
  if (lives.some(({ phase }) => phase === 'active')) return
  const dates = lives.flatMap(({ key, phase }) => (phase === 'next' && key.activatesAt) || [])
  const [first] = dates.sort((left, right) => left.getTime() - right.getTime())
  if (first === undefined) {
    throw new Refusal(
      'algorithm_not_introduced',
      `there is no ${algorithm} key: keyturn keys rotate --algorithm ${algorithm} publishes the first one and says from when it signs`,
    )
  }
  throw new Refusal(
    'too_early',
    `the first ${algorithm} key is published, and signs from ${first.toISOString()}: until then a verifier may not have ` +
      'it. Ask again at that time',
  )
}

/** What is said of an algorithm that is none of ours. */
export function unknownAlgorithm(algorithm: string): Refusal {
  const known = SIGNING_ALGORITHM_NAMES.join(', ')
  return new Refusal(
    'algorithm_unknown',
    `unknown algorithm ${JSON.stringify(algorithm)}: choose from ${known}`,
  )
}
