import { addSeconds } from '../clock.ts'
import { Refusal } from '../refusal.ts'
import { type KeySchedule, permittedStalenessSeconds } from './schedule.ts'
import { comparePublication, type KeyLife, type KeyPhase, keyLives, type SigningKey } from './signing-key.ts'
import { VERIFIERS } from './verifiers.ts'

/** What revoking a key comes to. */
export type PlannedRevocation =
  | {
      readonly outcome: 'revoked'
      readonly key: SigningKey
      /** What it was until now. */
      readonly phase: KeyPhase
      /** The key that signs instead, from now on; undefined where the revoked one did not sign. */
      readonly successor: SigningKey | undefined
    }
  | { readonly outcome: 'already_revoked'; readonly key: SigningKey & { readonly revokedAt: Date } }
  /** It signs, and there is none to sign instead: one must be published first. */
  | { readonly outcome: 'lacks_successor' }

/** Until when a kind of resource server may go on trusting a revoked key. Times are ISO 8601; null: until a remedy. */
export interface Exposure {
  readonly verifier: string
  readonly trustsUntil: string | null
  /** The same where it fetches through a cache that keeps the JWKS as long as our Cache-Control permits. */
  readonly behindCacheUntil: string | null
  readonly remedy: string
}

/** How many kids are suggested for one that is unknown. */
const SUGGESTIONS = 2

/**
 * What revoking the key `kid` does. In an emergency nothing is waited for: where the key signs, the one of its algorithm
 * that was published first takes over, known to every verifier or not.
 * @throws Refusal `unknown_key`, with kids that resemble it
 */
export function planRevocation(
  keys: readonly SigningKey[],
  now: Date,
  schedule: KeySchedule,
  kid: string,
): PlannedRevocation {
  const lives = keyLives(keys, now, schedule)
  const life = lives.find(({ key }) => key.kid === kid)
  if (life === undefined) throw unknownKey(kid, keys)
  const { key, phase } = life
  if (key.revokedAt !== null) {
    return { outcome: 'already_revoked', key: { ...key, revokedAt: key.revokedAt } }
  }
  if (phase !== 'active') return { outcome: 'revoked', key, phase, successor: undefined }
  const successor = firstPublishedNext(key, lives)
  return successor ? { outcome: 'revoked', key, phase, successor } : { outcome: 'lacks_successor' }
}

/**
 * Until when resource servers may trust the key: every node publishes the set without it within the reload period, a cache
 * in front may answer with the older set for all the staleness we permit, and the verifier keeps what it fetched.
 */
export function exposureAfter(revokedAt: Date, schedule: KeySchedule): Exposure[] {
  const unpublishedAt = addSeconds(revokedAt, schedule.reloadPeriodSeconds)
  const staleness = permittedStalenessSeconds(schedule)
  return VERIFIERS.map(({ name, trustsSeconds, remedy }) => {
    const until = (more: number) =>
      trustsSeconds === null ? null : addSeconds(unpublishedAt, trustsSeconds + more).toISOString()
    return { verifier: name, trustsUntil: until(0), behindCacheUntil: until(staleness), remedy }
  })
}

/** In an emergency the one that most verifiers have. */
function firstPublishedNext(active: SigningKey, lives: readonly KeyLife[]): SigningKey | undefined {
  return lives
    .filter(({ key, phase }) => key.algorithm === active.algorithm && phase === 'next')
    .map(({ key }) => key)
    .sort(comparePublication)[0]
}

function unknownKey(kid: string, keys: readonly SigningKey[]): Refusal {
  const nearest = keys
    .map((key) => ({ kid: key.kid, common: commonPrefix(key.kid, kid) }))
    .sort((left, right) => right.common - left.common)
    .slice(0, SUGGESTIONS)
    .map((near) => near.kid)
  const hint = nearest.length === 0 ? 'there are no signing keys yet' : `do you mean ${nearest.join(' or ')}?`
  return new Refusal('unknown_key', `there is no signing key ${JSON.stringify(kid)}: ${hint}`)
}

function commonPrefix(left: string, right: string): number {
  let length = 0
  while (length < left.length && left[length] === right[length]) length++
  return length
}
