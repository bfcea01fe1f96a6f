import { addSeconds } from '../clock.ts'
import type { SigningAlgorithm } from './algorithms.ts'
import { type KeySchedule, retireToRemoveSeconds } from './schedule.ts'

/** A signing key, as far as the rules of its life are concerned. All times are the database's. */
export interface SigningKey {
  /** RFC 7638 thumbprint of the public key: the same kid can never name other material. */
  readonly kid: string
  readonly algorithm: SigningAlgorithm
  readonly publishedAt: Date
  /** When it begins to sign; null while no date is set, as under rotation by hand. */
  readonly activatesAt: Date | null
  /** Since when it is worth nothing: an operator has revoked it. */
  readonly revokedAt: Date | null
  /** Whether its private part is still stored. */
  readonly holdsPrivateKey: boolean
}

/**
 * `next`: published, not signing. `active`: signing. `retired`: verifying only. `revoked`: neither published nor good for
 * anything; its row stays while something that it signed may be alive. `gone`: to be removed.
 */
export type KeyPhase = 'next' | 'active' | 'retired' | 'revoked' | 'gone'

/** Where a key is in its life. */
export interface KeyLife<Key extends SigningKey = SigningKey> {
  readonly key: Key
  readonly phase: KeyPhase
  /** When its successor activates, or it was revoked; null while there is no successor with a date. */
  readonly retiresAt: Date | null
  /** When nothing that it signed can be alive; null while it is not known when it retires. */
  readonly removesAt: Date | null
}

/**
 * The life of every key. A pure function of the set, the time and the schedule: no node ever flips a state, so no two
 * nodes disagree. A key retires when the next one of its algorithm activates; that is derived, not stored.
 * @param keys all keys there are, of every algorithm, in any order
 * @param now the database's time
 */
export function keyLives<Key extends SigningKey>(
  keys: readonly Key[],
  now: Date,
  schedule: KeySchedule,
): KeyLife<Key>[] {
  const atLeast = notBeforeRevocations(keys, now)
  return keys.map((key) => {
    const retiresAt = key.revokedAt ?? successor(key, keys)?.activatesAt ?? null
    const removesAt = retiresAt && addSeconds(retiresAt, retireToRemoveSeconds(schedule))
    return { key, phase: phaseAt(atLeast, key, retiresAt, removesAt), retiresAt, removesAt }
  })
}

/**
 * The key of `algorithm` that signs at `now`: of those that have activated, the last. Where that one is revoked none
 * does: what had retired before does not come back.
 */
export function activeKey<Key extends SigningKey>(
  keys: readonly Key[],
  algorithm: SigningAlgorithm,
  now: Date,
): Key | undefined {
  const atLeast = notBeforeRevocations(keys, now)
  let last: Key | undefined
  for (const key of keys) {
    if (key.algorithm !== algorithm || !isReached(key.activatesAt, atLeast) || !mayHaveSigned(key)) continue
    if (last === undefined || compareActivation(last, key) < 0) last = key
  }
  return last?.revokedAt === null ? last : undefined
}

/**
 * The least `iat` of a token signed by `key` that counts here; undefined where every one counts. Whoever could take one key out of
 * our memory could take its neighbours: after the revocation of a key that has signed, nothing that was signed before
 * counts. A key that took over at the revocation cannot have signed before, so its tokens are not measured by the clock
 * of the node that signed. Verifiers elsewhere know nothing of this.
 */
export function minimumIssuedAt(key: SigningKey, keys: readonly SigningKey[]): Date | undefined {
  const revokedAt = keys
    .flatMap((other) => (other.revokedAt !== null && mayHaveSigned(other) ? [other.revokedAt] : []))
    .reduce<Date | undefined>((last, moment) => (last && last >= moment ? last : moment), undefined)
  if (revokedAt === undefined || isReached(revokedAt, key.activatesAt ?? revokedAt)) return undefined
  return revokedAt
}

/** A revocation that has been read has happened: a clock that is a moment behind must not put its successor off. */
function notBeforeRevocations(keys: readonly SigningKey[], now: Date): Date {
  return keys.reduce((last, { revokedAt }) => (revokedAt && revokedAt > last ? revokedAt : last), now)
}

/** Whether it signs or has signed once its date has come: a key revoked before it never will. */
export function mayHaveSigned({
  activatesAt,
  revokedAt,
}: Pick<SigningKey, 'activatesAt' | 'revokedAt'>): boolean {
  return activatesAt !== null && (revokedAt === null || activatesAt.getTime() < revokedAt.getTime())
}

function phaseAt(
  now: Date,
  { activatesAt, revokedAt }: SigningKey,
  retiresAt: Date | null,
  removesAt: Date | null,
): KeyPhase {
  if (revokedAt !== null) return isReached(removesAt, now) ? 'gone' : 'revoked'
  if (!isReached(activatesAt, now)) return 'next'
  if (!isReached(retiresAt, now)) return 'active'
  return isReached(removesAt, now) ? 'gone' : 'retired'
}

function isReached(moment: Date | null, now: Date): boolean {
  return moment !== null && moment.getTime() <= now.getTime()
}

/** The key that takes over from `key`; none when `key` has no date itself, or nothing is dated after it. */
function successor<Key extends SigningKey>(key: Key, keys: readonly Key[]): Key | undefined {
  if (key.activatesAt === null) return undefined
  let first: Key | undefined
  for (const other of keys) {
    if (other.algorithm !== key.algorithm || !mayHaveSigned(other)) continue
    if (compareActivation(other, key) <= 0) continue
    if (first === undefined || compareActivation(other, first) < 0) first = other
  }
  return first
}

/** Orders two keys with dates by activation; a tie is broken the same way on every node. */
function compareActivation(left: SigningKey, right: SigningKey): number {
  return (
    (left.activatesAt?.getTime() ?? 0) - (right.activatesAt?.getTime() ?? 0) ||
    comparePublication(left, right)
  )
}

/** Orders two keys by publication, then kid: the order of lists that must be the same on every node. */
export function comparePublication(left: SigningKey, right: SigningKey): number {
  const byTime = left.publishedAt.getTime() - right.publishedAt.getTime()
  if (byTime !== 0) return byTime
  return left.kid < right.kid ? -1 : Number(left.kid > right.kid)
}
