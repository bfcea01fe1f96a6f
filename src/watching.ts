import type { Auditing } from './auditing.ts'
import type { Keyring } from './keys/keyring.ts'
import type { SymmetricKeyring } from './keys/symmetric-keyring.ts'
import type { Hasher } from './passwords/hasher.ts'
import type { GuardedCalls } from './redis/guarded-calls.ts'
import type { Metrics } from './telemetry/metrics.ts'
import type { PartStatus, Readiness } from './telemetry/readiness.ts'
import type { AnchorQueue } from './tokens/anchors.ts'

/** The parts that say how they are. */
export interface WatchedParts {
  readonly metrics: Metrics
  readonly readiness: Readiness
  readonly databaseStatus: () => PartStatus
  readonly keyring: Keyring
  readonly refreshKeyring: SymmetricKeyring
  readonly anchors: AnchorQueue
  readonly hasher: Hasher
  /** The places at the door. */
  readonly admission: { serving(): number; waiting(): number }
  readonly auditing: Auditing
  /** Only in standard mode. */
  readonly calls: GuardedCalls | undefined
}

/** Joins what the parts say of themselves to readiness and metrics. A Redis that is down is no reason to be sent away. */
export function watchParts({ metrics, readiness, calls, ...parts }: WatchedParts): void {
  readiness.watch('postgres', parts.databaseStatus)
  readiness.watch('signing_keys', parts.keyring.status)
  readiness.watch('refresh_keys', parts.refreshKeyring.status)
  if (calls) {
    readiness.watch('redis', () => {
      const trouble = calls.trouble()
      return trouble === undefined
        ? { ready: true }
        : { ready: true, note: `${trouble}: refreshing on postgres` }
    })
  }
  metrics.watch({
    anchorsWaiting: () => parts.anchors.waiting().families,
    anchorLagSeconds: () => parts.anchors.waiting().lagMs / 1000,
    hashesRunning: () => parts.hasher.stats().running,
    hashesQueued: () => parts.hasher.stats().queued,
    requestsServing: parts.admission.serving,
    requestsWaiting: parts.admission.waiting,
    auditUnchained: parts.auditing.unchained,
    signingKeysDamaged: parts.keyring.damagedKeys,
    ...(calls && { redisUp: () => (calls.trouble() === undefined ? 1 : 0) }),
  })
}
