import { auditChainPostgres } from './audit/audit-chain-postgres.ts'
import { auditLogPostgres } from './audit/audit-log-postgres.ts'
import { recordAudits } from './audit/audit-postgres.ts'
import { auditRetentionPostgres } from './audit/audit-retention-postgres.ts'
import { removeOldest } from './audit/retention.ts'
import { makeSequencer } from './audit/sequencer.ts'
import { makeTally, type Tally } from './audit/tally.ts'
import type { Clock } from './clock.ts'
import type { KeySchedule } from './keys/schedule.ts'
import type { SealingKey } from './keys/sealing-key.ts'
import { makeSymmetricKeyring } from './keys/symmetric-keyring.ts'
import { symmetricKeysPostgres } from './keys/symmetric-keys-postgres.ts'
import type { Database } from './postgres/database.ts'
import type { Logger } from './telemetry/logger.ts'
import { currentRequest, notedPrincipals } from './telemetry/request-context.ts'
import type { LoginRefusal } from './users/login.ts'
import { refusedLogin } from './users/refused-login.ts'

/** What a node does for the audit log beside writing the row of each change. */
export interface Auditing {
  /** Counts what happens too often for a row each. */
  readonly tally: Tally
  noteLoginRefusal(reason: LoginRefusal, userId: string | undefined): void
  /** How many rows wait to be chained. */
  unchained(): number
  /** Loads the key of the chain (making the first one) and chains from then on. */
  start(): Promise<void>
  reloadKey(): Promise<void>
  /** Writes what was counted and chains what waits. Does not fail: whatever could not be done is logged. */
  close(): Promise<void>
}

/** Builds the parts and joins them. Nothing waits for them, and readiness does not depend on them. */
export function buildAuditing({
  database,
  sealingKey,
  schedule,
  clock,
  logger,
}: {
  database: Database
  sealingKey: SealingKey
  schedule: KeySchedule
  clock: Clock
  logger: Logger
}): Auditing {
  const symmetricKeys = symmetricKeysPostgres({ database, sealingKey })
  const keyring = makeSymmetricKeyring({ symmetricKeys, purpose: 'audit', schedule, clock, logger })
  const key = () => keyring.current()
  const keyOf = (version: number) => keyring.version(version)?.key
  const log = auditLogPostgres(database)
  const retention = auditRetentionPostgres(database)
  const sequencer = makeSequencer({
    chain: auditChainPostgres(database),
    key,
    keyOf,
    removeOldest: async (signal) => removeOldest(retention, log, key(), keyOf, signal),
    clock,
    logger,
  })
  const tally = makeTally({ write: (held) => recordAudits(database, held), clock, logger })

  return {
    tally,
    noteLoginRefusal(reason, userId) {
      const origin = { address: currentRequest()?.address, client: notedPrincipals().client }
      const { event, key } = refusedLogin(reason, userId, origin)
      tally.note(event, key)
    },
    unchained: sequencer.unchained,
    async start() {
      await keyring.start()
      sequencer.start()
    },
    reloadKey: () => keyring.reload(),
    async close() {
      await tally.flush()
      tally.stop()
      await sequencer.stop()
      keyring.stop()
    },
  }
}
