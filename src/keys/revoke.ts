import { addSeconds } from '../clock.ts'
import { Refusal } from '../refusal.ts'
import type { SigningAlgorithm } from './algorithms.ts'
import { type Exposure, exposureAfter, planRevocation } from './revocation.ts'
import {
  type KeySchedule,
  publishToActivateSeconds,
  reckoningWith,
  retireToRemoveSeconds,
  stalenessLimitSeconds,
} from './schedule.ts'
import { type KeyPhase, mayHaveSigned, type SigningKey } from './signing-key.ts'
import type { KeyChange, SigningKeys } from './signing-keys.ts'

/** What a revocation did, and what it leaves exposed. Plain data; times are ISO 8601, by the database's clock. */
export interface RevocationReport {
  readonly outcome: 'revoked' | 'already_revoked'
  readonly kid: string
  readonly algorithm: SigningAlgorithm
  /** What it was before; `revoked` where it was that already. */
  readonly phase: KeyPhase
  readonly revokedAt: string
  /** The key that signs instead; null where the revoked one did not sign. */
  readonly successor: Successor | null
  /** What was issued before no longer counts at introspection and at our own endpoints; null where it still does. */
  readonly minimumIssuedAt: string | null
  /** Until when its row stays, so that the same material cannot come back. */
  readonly removesAt: string
  readonly exposure: readonly Exposure[]
}

/** The key that took over in an emergency. */
export interface Successor {
  readonly kid: string
  readonly publishedAt: string
  /** By when every node that reaches the database signs with it. */
  readonly everyNodeBy: string
  /** By when a node that does not reach the database has stopped signing. */
  readonly cutOffNodesBy: string
  /** From when every verifier knows it; one that does not fetch for an unknown kid may refuse it until then. */
  readonly knownEverywhereAt: string
  readonly isKnownEverywhere: boolean
}

/** A successor that was just made is taken by another revocation at most so often. */
const ATTEMPTS = 3

/**
 * Makes the emergency: the key is worth nothing from now on, and where it signed its successor signs at once. Refresh
 * families rest on other keys and go on.
 * The returned function throws Refusal `unknown_key`.
 */
export function makeRevoke(signingKeys: SigningKeys, schedule: KeySchedule) {
  return async function revokeKey(kid: string, actor: string): Promise<RevocationReport> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const report = await signingKeys.change<RevocationReport | undefined>((loaded) => {
        const rules = reckoningWith(schedule, loaded.jwksMaxAgeSeconds)
        const { now } = loaded
        const planned = planRevocation(loaded.keys, now, rules, kid)
        if (planned.outcome === 'lacks_successor') return { changes: [], result: undefined }
        if (planned.outcome === 'already_revoked') {
          const { key } = planned
          return { changes: [], result: describe(key, 'revoked', key.revokedAt, undefined, now, rules) }
        }
        const { key, phase, successor } = planned
        const changes: KeyChange[] = [{ change: 'revoke', kid }]
        if (successor) changes.push({ change: 'activate', kid: successor.kid, activatesAt: now })
        return { changes, result: describe(key, phase, now, successor, now, rules) }
      }, actor)
      if (report === undefined) {
        await signingKeys.maintain(schedule)
        continue
      }
      // The next `next` is published at once. Where that fails the nodes do it: it must not hide what has been done.
      await signingKeys.maintain(schedule).catch(() => {})
      return report
    }
    throw new Refusal('no_next_key', `no key could be published to sign instead of ${kid}: try again`)
  }
}

function describe(
  key: SigningKey,
  phase: KeyPhase,
  revokedAt: Date,
  successor: SigningKey | undefined,
  now: Date,
  schedule: KeySchedule,
): RevocationReport {
  return {
    outcome: phase === 'revoked' ? 'already_revoked' : 'revoked',
    kid: key.kid,
    algorithm: key.algorithm,
    phase,
    revokedAt: revokedAt.toISOString(),
    successor: successor ? describeSuccessor(successor, now, schedule) : null,
    minimumIssuedAt: mayHaveSigned({ ...key, revokedAt }) ? revokedAt.toISOString() : null,
    removesAt: addSeconds(revokedAt, retireToRemoveSeconds(schedule)).toISOString(),
    exposure: exposureAfter(revokedAt, schedule),
  }
}

function describeSuccessor({ kid, publishedAt }: SigningKey, now: Date, schedule: KeySchedule): Successor {
  const knownAt = addSeconds(publishedAt, publishToActivateSeconds(schedule))
  return {
    kid,
    publishedAt: publishedAt.toISOString(),
    everyNodeBy: addSeconds(now, schedule.reloadPeriodSeconds).toISOString(),
    cutOffNodesBy: addSeconds(now, stalenessLimitSeconds(schedule)).toISOString(),
    knownEverywhereAt: knownAt.toISOString(),
    isKnownEverywhere: knownAt.getTime() <= now.getTime(),
  }
}
