import { addSeconds } from '../clock.ts'
import { Refusal } from '../refusal.ts'
import { DEFAULT_SIGNING_ALGORITHM, SIGNING_ALGORITHM_NAMES, type SigningAlgorithm } from './algorithms.ts'
import { type KeySchedule, publishToActivateSeconds, retireToWipeSeconds } from './schedule.ts'
import { comparePublication, type KeyLife, keyLives, type SigningKey } from './signing-key.ts'

/** One thing to be done to the key set. */
export type MaintenanceStep =
  | { readonly step: 'create'; readonly algorithm: SigningAlgorithm; readonly activatesAt: Date | null }
  | { readonly step: 'schedule'; readonly kid: string; readonly activatesAt: Date }
  | { readonly step: 'wipe'; readonly kid: string }
  | { readonly step: 'remove'; readonly kid: string }

/** What an operator's rotation comes to, for one algorithm. */
export interface PlannedRotation {
  readonly outcome: 'activated' | 'scheduled' | 'already_scheduled'
  readonly algorithm: SigningAlgorithm
  /** The key that takes over. */
  readonly kid: string
  readonly activatesAt: Date
}

/**
 * What must be done now to keep the set as it should be: for each introduced algorithm one active key and one `next`,
 * the private part of a retired or revoked key wiped, a gone key removed. Doing it twice, or on two nodes in turn,
 * changes nothing more.
 *
 * The first key on an empty database activates at once, since no verifier holds an older set. The first key of a later
 * algorithm waits like any other. A date, once set, is never put off: some node may already have acted on it.
 * @param now the database's time
 */
export function maintenanceSteps(
  keys: readonly SigningKey[],
  now: Date,
  schedule: KeySchedule,
): MaintenanceStep[] {
  const lives = keyLives(keys, now, schedule)
  return [
    ...SIGNING_ALGORITHM_NAMES.filter((algorithm) => isIntroduced(algorithm, keys)).flatMap((algorithm) =>
      keepSupplied(algorithm, lives, keys.length === 0, now, schedule),
    ),
    ...lives.flatMap((life) => clearAway(life, now, schedule)),
  ]
}

/**
 * Whether an algorithm has a life of its own. The default has; any other begins with the key that an operator has
 * published for it, so that nobody is shown a kind of key that nobody asked for, and ends with the last one that is
 * revoked.
 */
export function isIntroduced(algorithm: SigningAlgorithm, keys: readonly SigningKey[]): boolean {
  if (algorithm === DEFAULT_SIGNING_ALGORITHM) return true
  return keys.some((key) => key.algorithm === algorithm && key.revokedAt === null)
}

/** The earliest moment at which `key` may begin to sign: every verifier has it by then. Never in the past. */
export function earliestActivation(key: SigningKey, now: Date, schedule: KeySchedule): Date {
  return later(now, addSeconds(key.publishedAt, publishToActivateSeconds(schedule)))
}

/**
 * What an operator's rotation does: gives the `next` key of each algorithm the earliest safe date.
 * @param haste `now` insists on this moment and is refused where it is not safe
 * @param only this algorithm alone, also where its first key has yet to sign
 * @throws Refusal `too_early` with the earliest time, `no_next_key`
 */
export function planRotation(
  keys: readonly SigningKey[],
  now: Date,
  schedule: KeySchedule,
  haste: 'when_safe' | 'now',
  only?: SigningAlgorithm,
): PlannedRotation[] {
  const lives = keyLives(keys, now, schedule)
  const algorithms = only === undefined ? SIGNING_ALGORITHM_NAMES : [only]
  const planned = algorithms.flatMap((algorithm) => {
    const next = nextKey(algorithm, lives)
    const isInUse =
      only !== undefined || lives.some(({ key, phase }) => key.algorithm === algorithm && phase === 'active')
    return next && isInUse ? [rotateTo(next, now, schedule, haste)] : []
  })
  if (planned.length === 0) {
    throw new Refusal(
      'no_next_key',
      'there is no published key to rotate to: start the service, it makes one',
    )
  }
  return planned
}

/** The key that is to take over: the one with the earliest date, else the one published first. */
function nextKey(algorithm: SigningAlgorithm, lives: readonly KeyLife[]): SigningKey | undefined {
  return lives
    .filter(({ key, phase }) => key.algorithm === algorithm && phase === 'next')
    .map(({ key }) => key)
    .sort((left, right) => dateOf(left) - dateOf(right) || comparePublication(left, right))[0]
}

function keepSupplied(
  algorithm: SigningAlgorithm,
  lives: readonly KeyLife[],
  isEmptyDatabase: boolean,
  now: Date,
  schedule: KeySchedule,
): MaintenanceStep[] {
  const next = nextKey(algorithm, lives)
  const active = lives.find(({ key, phase }) => key.algorithm === algorithm && phase === 'active')?.key
  const fromPublication = addSeconds(now, publishToActivateSeconds(schedule))

  if (active === undefined && next === undefined) {
    if (!isEmptyDatabase) return [{ step: 'create', algorithm, activatesAt: fromPublication }]
    return [
      { step: 'create', algorithm, activatesAt: now },
      { step: 'create', algorithm, activatesAt: due(now, fromPublication, schedule) },
    ]
  }
  if (next === undefined) {
    const since = active?.activatesAt ?? now
    return [{ step: 'create', algorithm, activatesAt: due(since, fromPublication, schedule) }]
  }
  const earliest = earliestActivation(next, now, schedule)
  // Without an active key nothing signs, whoever rotates: then the one that waits takes over as soon as it is safe.
  if (next.activatesAt !== null && (active !== undefined || next.activatesAt <= earliest)) return []
  const activatesAt = active?.activatesAt ? due(active.activatesAt, earliest, schedule) : earliest
  return activatesAt ? [{ step: 'schedule', kid: next.kid, activatesAt }] : []
}

/** When the key after one that signs since `since` takes over; null when that is left to an operator. */
function due(since: Date, earliest: Date, schedule: KeySchedule): Date | null {
  if (schedule.rotationPeriodSeconds === 0) return null
  return later(earliest, addSeconds(since, schedule.rotationPeriodSeconds))
}

function clearAway({ key, phase, retiresAt }: KeyLife, now: Date, schedule: KeySchedule): MaintenanceStep[] {
  if (phase === 'gone') return [{ step: 'remove', kid: key.kid }]
  if (phase === 'revoked') return key.holdsPrivateKey ? [{ step: 'wipe', kid: key.kid }] : []
  if (phase !== 'retired' || !key.holdsPrivateKey || retiresAt === null) return []
  const wipesAt = addSeconds(retiresAt, retireToWipeSeconds(schedule))
  return wipesAt.getTime() <= now.getTime() ? [{ step: 'wipe', kid: key.kid }] : []
}

function rotateTo(
  next: SigningKey,
  now: Date,
  schedule: KeySchedule,
  haste: 'when_safe' | 'now',
): PlannedRotation {
  const { kid, algorithm } = next
  const earliest = earliestActivation(next, now, schedule)
  const isSafeNow = earliest.getTime() <= now.getTime()
  if (haste === 'now' && !isSafeNow) {
    throw new Refusal(
      'too_early',
      `key ${kid} was published at ${next.publishedAt.toISOString()}; until ${earliest.toISOString()} a verifier may ` +
        'not have it and would refuse what it signs. Leave out --now to have it take over at that time',
    )
  }
  if (next.activatesAt !== null && next.activatesAt.getTime() <= earliest.getTime()) {
    return { outcome: 'already_scheduled', algorithm, kid, activatesAt: next.activatesAt }
  }
  return { outcome: isSafeNow ? 'activated' : 'scheduled', algorithm, kid, activatesAt: earliest }
}

function dateOf(key: SigningKey): number {
  return key.activatesAt?.getTime() ?? Number.POSITIVE_INFINITY
}

function later(left: Date, right: Date): Date {
  return left.getTime() >= right.getTime() ? left : right
}
