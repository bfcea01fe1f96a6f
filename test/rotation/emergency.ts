import { setTimeout as delay } from 'node:timers/promises'
import type { Deployment } from './deployment.ts'
import type { Failure } from './examination.ts'
import { nextKey } from './rotations.ts'
import { FLOOR_MS, SCHEDULE } from './scale.ts'

/** How long a kind of resource server took a key after it was revoked. */
export interface Exposure {
  readonly kind: string
  /** Null where it still does: its kind fetches for an unknown kid alone, and the successor was known. */
  readonly trustedMs: number | null
  /** What is written of its kind; null for ever. */
  readonly documentedMs: number | null
  readonly isAsDocumented: boolean
}

/** What an emergency has come to (K-32). */
export interface EmergencyResult {
  /** From `keys revoke` until the last token that any node signed with the revoked key. */
  readonly lastSignedMs: number
  /** … until the first one that is signed with its successor. */
  readonly firstSuccessorMs: number
  /** That a token of another key was not accepted. There must be none. */
  readonly failures: readonly Failure[]
  /** How many of the revoked key were not, as it should be. */
  readonly refusedTokens: number
  readonly exposure: readonly Exposure[]
}

/** Every server has its keys by then. */
const WARM_UP_MS = 2000
const PROBE_EVERY_MS = 50
/** Longer than the longest that ends is documented to take. */
const PROBED_MS = (SCHEDULE.reloadPeriodSeconds + FLOOR_MS / 1000 + SCHEDULE.verifierCacheSeconds) * 1000

/**
 * Revokes the key that signs, while its successor is known everywhere, and watches how long each resource
 * server goes on taking a token of it (at a time within the token's life, so that it is the key alone that matters).
 */
export async function runEmergency(deployment: Deployment): Promise<EmergencyResult> {
  const { examination, fleet, load } = deployment
  // The successor was published before the first of them fetched anything, so that all of them know it already.
  await nextKey(deployment)
  await delay(WARM_UP_MS)
  const [active] = await deployment.postgres.database.query<{ kid: string }>(
    `select kid from signing_keys where activates_at <= clock_timestamp() order by activates_at desc limit 1`,
  )
  const sample = examination.minted.findLast(({ kid }) => kid === active?.kid)
  if (!active || !sample) throw new Error('nothing was signed by the active key')

  const lastTaken = new Map<string, number>()
  const revoking = deployment.operate(`revoke/${active.kid}`)
  revoking.catch(() => {}) // it is awaited below
  const probedUntil = Date.now() + PROBED_MS
  while (Date.now() < probedUntil) {
    const probed = fleet.servers.map(async ({ kind, verify, aheadSeconds }) => {
      const { verdict } = await verify(sample.token, new Date(sample.at + aheadSeconds * 1000))
      if (verdict === 'accepted') lastTaken.set(kind, Date.now())
    })
    await Promise.all([...probed, delay(PROBE_EVERY_MS)])
  }
  const { revokedAt: at } = JSON.parse(await revoking) as { revokedAt: string }
  const revokedAt = new Date(at).getTime()
  await load.stop()
  await examination.finished()

  const after = examination.minted.filter(({ at }) => at > revokedAt)
  const ofRevoked = after.findLast(({ kid }) => kid === active.kid)
  const ofSuccessor = after.find(({ kid }) => kid !== active.kid)
  if (!ofSuccessor) throw new Error('the successor has signed nothing')
  const kinds = new Map(fleet.servers.map(({ kind, trustsSeconds }) => [kind, trustsSeconds * 1000]))
  return {
    lastSignedMs: ofRevoked === undefined ? 0 : ofRevoked.at - revokedAt,
    firstSuccessorMs: ofSuccessor.at - revokedAt,
    failures: examination.failures.filter(({ kid }) => kid !== active.kid),
    refusedTokens: examination.failures.filter(({ kid }) => kid === active.kid).length,
    exposure: [...kinds].map(([kind, trustsMs]) => {
      return exposureOf(kind, (lastTaken.get(kind) ?? revokedAt) - revokedAt, trustsMs)
    }),
  }
}

/** Every node publishes what is left within P; S is what a machine may be late by. */
function exposureOf(kind: string, lastTakenMs: number, trustsMs: number): Exposure {
  const { reloadPeriodSeconds, clockSkewSeconds } = SCHEDULE
  const stillTaken = lastTakenMs > PROBED_MS - 2 * clockSkewSeconds * 1000
  const longestMs = trustsMs + (reloadPeriodSeconds + clockSkewSeconds) * 1000
  return {
    kind,
    trustedMs: stillTaken ? null : lastTakenMs,
    documentedMs: Number.isFinite(trustsMs) ? trustsMs : null,
    isAsDocumented: stillTaken ? !Number.isFinite(trustsMs) : lastTakenMs <= longestMs,
  }
}
