import { addSeconds } from '../clock.ts'
import { unknownAlgorithm } from './algorithm-choice.ts'
import { isSigningAlgorithm, type SigningAlgorithm } from './algorithms.ts'
import { makeImport } from './import-key.ts'
import { introduce } from './introduction.ts'
import { planPicture } from './plan-picture.ts'
import { makeRevoke } from './revoke.ts'
import { earliestActivation, type PlannedRotation, planRotation } from './rotation.ts'
import { type KeySchedule, reckoningWith, retireToRemoveSeconds } from './schedule.ts'
import {
  comparePublication,
  type KeyLife,
  type KeyPhase,
  keyLives,
  mayHaveSigned,
  type SigningKey,
} from './signing-key.ts'
import type { LoadedSigningKeys, SigningKeys } from './signing-keys.ts'

/** A signing key as an operator sees it. Plain data; times are ISO 8601, by the database's clock. */
export interface KeyDescription {
  readonly kid: string
  readonly algorithm: SigningAlgorithm
  readonly phase: KeyPhase
  readonly publishedAt: string
  readonly activatesAt: string | null
  readonly retiresAt: string | null
  readonly revokedAt: string | null
  readonly removesAt: string | null
  /** Until when something that it signed may be alive; null where it has not signed, or goes on signing. */
  readonly tokensUntil: string | null
  /** For a `next` key, the earliest safe moment for it to sign; null for any other. */
  readonly earliestActivationAt: string | null
}

/** One thing that happened to a key, or will. */
export interface TimelineEntry {
  readonly at: string
  readonly event: 'published' | 'may_activate' | 'activates' | 'retires' | 'revoked' | 'removed'
  readonly kid: string
  readonly algorithm: SigningAlgorithm
  /** Whether it lies behind us. */
  readonly isPast: boolean
}

/** What a rotation did, for one algorithm. */
export interface RotationReport {
  readonly outcome: PlannedRotation['outcome'] | 'introduced'
  readonly algorithm: SigningAlgorithm
  /** The key that takes over, and when. */
  readonly kid: string
  readonly activatesAt: string
  /** The key that it takes over from, and until when that one is published. */
  readonly retiringKid: string | null
  readonly retiringRemovesAt: string | null
}

/**
 * What an operator may do with signing keys; the command line and the administration API are two thin doors to it.
 * What changes something is audited in the same transaction.
 */
export function keyAdministration({
  signingKeys,
  schedule,
}: {
  signingKeys: SigningKeys
  schedule: KeySchedule
}) {
  const withRules = (loaded: LoadedSigningKeys) => {
    return { ...loaded, rules: reckoningWith(schedule, loaded.jwksMaxAgeSeconds) }
  }
  const loadWithRules = async () => withRules(await signingKeys.load())

  return {
    revokeKey: makeRevoke(signingKeys, schedule),
    importKey: makeImport(signingKeys, schedule),

    /** All keys, in the order in which they sign. */
    async listKeys(): Promise<KeyDescription[]> {
      const { keys, now, rules } = await loadWithRules()
      return keyLives(keys, now, rules)
        .sort(
          (left, right) =>
            signsFrom(left.key) - signsFrom(right.key) || comparePublication(left.key, right.key),
        )
        .map((life) => describe(life, now, rules))
    },

    /** The life of every key as a picture, an SVG document. */
    async drawKeys(): Promise<string> {
      const { keys, now, rules } = await loadWithRules()
      const lives = keyLives(keys, now, rules).sort((left, right) => comparePublication(left.key, right.key))
      return planPicture(
        lives.map((life) => describe(life, now, rules)),
        now.toISOString(),
      )
    },

    /** The timeline of all keys, in order of time. What has no date yet is left out. */
    async planKeys(): Promise<TimelineEntry[]> {
      const { keys, now, rules } = await loadWithRules()
      return keyLives(keys, now, rules)
        .flatMap((life) => timeline(describe(life, now, rules)))
        .map((entry) => ({ ...entry, isPast: new Date(entry.at).getTime() <= now.getTime() }))
        .sort((left, right) => (left.at < right.at ? -1 : Number(left.at > right.at)))
    },

    /**
     * Has the `next` key of each algorithm take over: at the earliest safe time, or at once.
     * @param options.now insist on this moment
     * @param options.algorithm this one alone; introduced by this where it has no key yet
     * @throws Refusal `algorithm_unknown`, `too_early` with the reason and the earliest time; no key has got another date
     * then
     */
    async rotateKeys(
      { now: atOnce, algorithm }: { now: boolean; algorithm?: string | undefined },
      actor: string,
    ): Promise<RotationReport[]> {
      if (algorithm !== undefined && !isSigningAlgorithm(algorithm)) throw unknownAlgorithm(algorithm)
      await signingKeys.maintain(schedule)
      const introduced =
        algorithm && (await introduce(algorithm, { signingKeys, schedule }, { now: atOnce }, actor))
      if (introduced) return [introduced]
      const reports = await signingKeys.activate((loaded) => {
        const { keys, now, rules } = withRules(loaded)
        const planned = planRotation(keys, now, rules, atOnce ? 'now' : 'when_safe', algorithm)
        return planned.map((plan) => {
          const retiring = predecessor(plan, keys, now, rules)
          const removesAt = addSeconds(plan.activatesAt, retireToRemoveSeconds(rules))
          return { ...plan, retiring: retiring && { kid: retiring.kid, removesAt } }
        })
      }, actor)
      // The next `next` is published at once, so that an emergency that follows need not wait longer than it must. Where
      // that fails the nodes do it: whoever is told that the rotation failed would rotate once more.
      await signingKeys.maintain(schedule).catch(() => {})
      return reports.map(({ outcome, algorithm, kid, activatesAt, retiring }) => ({
        outcome,
        algorithm,
        kid,
        activatesAt: activatesAt.toISOString(),
        retiringKid: retiring?.kid ?? null,
        retiringRemovesAt: retiring?.removesAt.toISOString() ?? null,
      }))
    },
  }
}

/** What an operator may do with signing keys. */
export type KeyAdministration = ReturnType<typeof keyAdministration>

/** When the key takes over, for ordering; a key without a date comes last. */
function signsFrom({ activatesAt }: SigningKey): number {
  return activatesAt?.getTime() ?? Number.MAX_SAFE_INTEGER
}

function describe(
  { key, phase, retiresAt, removesAt }: KeyLife,
  now: Date,
  schedule: KeySchedule,
): KeyDescription {
  return {
    kid: key.kid,
    algorithm: key.algorithm,
    phase,
    publishedAt: key.publishedAt.toISOString(),
    activatesAt: key.activatesAt?.toISOString() ?? null,
    retiresAt: key.revokedAt ? null : (retiresAt?.toISOString() ?? null),
    revokedAt: key.revokedAt?.toISOString() ?? null,
    removesAt: removesAt?.toISOString() ?? null,
    tokensUntil: phase !== 'next' && mayHaveSigned(key) ? (removesAt?.toISOString() ?? null) : null,
    earliestActivationAt: phase === 'next' ? earliestActivation(key, now, schedule).toISOString() : null,
  }
}

function timeline(key: KeyDescription): Omit<TimelineEntry, 'isPast'>[] {
  const { kid, algorithm } = key
  const moments = [
    { event: 'published', at: key.publishedAt },
    { event: 'may_activate', at: key.earliestActivationAt },
    { event: 'activates', at: key.activatesAt },
    { event: 'retires', at: key.retiresAt },
    { event: 'revoked', at: key.revokedAt },
    { event: 'removed', at: key.removesAt },
  ] as const
  return moments.flatMap(({ event, at }) => (at === null ? [] : [{ at, event, kid, algorithm }]))
}

/** The key that signs until the planned one takes over. */
function predecessor(
  plan: PlannedRotation,
  keys: readonly SigningKey[],
  now: Date,
  schedule: KeySchedule,
): SigningKey | undefined {
  return keyLives(keys, now, schedule).find(
    ({ key, phase }) => key.algorithm === plan.algorithm && phase === 'active',
  )?.key
}
