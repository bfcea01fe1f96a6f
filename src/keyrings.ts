import type { Clock } from './clock.ts'
import { type Keyring, makeKeyring } from './keys/keyring.ts'
import { nodesPostgres } from './keys/nodes-postgres.ts'
import type { KeySchedule } from './keys/schedule.ts'
import type { SealingKey } from './keys/sealing-key.ts'
import { signingKeysPostgres } from './keys/signing-keys-postgres.ts'
import { makeSymmetricKeyring, type SymmetricKeyring } from './keys/symmetric-keyring.ts'
import { symmetricKeysPostgres } from './keys/symmetric-keys-postgres.ts'
import type { Database } from './postgres/database.ts'
import type { Logger } from './telemetry/logger.ts'

/** The keys that every request may need, in memory and read again from time to time. */
export interface Keyrings {
  readonly keyring: Keyring
  readonly refreshKeyring: SymmetricKeyring
}

/** Builds them over a database; nothing is read yet. */
export function buildKeyrings({
  database,
  ...parts
}: {
  database: Database
  sealingKey: SealingKey
  schedule: KeySchedule
  clock: Clock
  logger: Logger
}): Keyrings {
  const { sealingKey, schedule, clock, logger } = parts
  const stored = { database, sealingKey }
  return {
    keyring: makeKeyring({
      signingKeys: signingKeysPostgres(stored),
      nodes: nodesPostgres(database),
      sealingKey,
      schedule,
      clock,
      logger,
    }),
    refreshKeyring: makeSymmetricKeyring({
      symmetricKeys: symmetricKeysPostgres(stored),
      purpose: 'refresh-token',
      schedule,
      clock,
      logger,
    }),
  }
}
