import type { Clock } from './clock.ts'
import type { Config } from './config.ts'
import { makeKeyring } from './keys/keyring.ts'
import type { KeySchedule } from './keys/schedule.ts'
import type { SealingKey } from './keys/sealing-key.ts'
import { signingKeysPostgres } from './keys/signing-keys-postgres.ts'
import { symmetricKeysPostgres } from './keys/symmetric-keys-postgres.ts'
import type { Database } from './postgres/database.ts'
import { sessionsPostgres } from './sessions/sessions-postgres.ts'
import type { Logger } from './telemetry/logger.ts'
import { accessTokens } from './tokens/access-token.ts'
import { makeExplain } from './tokens/explain.ts'
import type { Explanation } from './tokens/explanation.ts'
import { lineagesPostgres } from './tokens/lineages-postgres.ts'
import { readPresentedPostgres } from './tokens/presented-postgres.ts'
import { refreshFamiliesPostgres } from './tokens/refresh-families-postgres.ts'
import { makeRefreshStanding } from './tokens/refresh-standing.ts'
import { refreshTokens } from './tokens/refresh-token.ts'
import { tokenStandingPostgres } from './tokens/token-standing-postgres.ts'

/** What explaining is built on. */
export interface ExplainingParts {
  readonly config: Config
  readonly database: Database
  readonly sealingKey: SealingKey
  readonly schedule: KeySchedule
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * Explains one token or id, with the keys and the record as they are now. It reads the record alone: what Redis knows of
 * a family is anchored there within a moment (docs/adr/0003-refresh-families.md).
 * @throws Refusal, SealingKeyProblem, Unavailable
 */
export async function explain(text: string, parts: ExplainingParts): Promise<Explanation> {
  const { config, database, sealingKey, clock } = parts
  const keyring = makeKeyring({ signingKeys: signingKeysPostgres({ database, sealingKey }), ...parts })
  await keyring.reload()
  const { keys } = await symmetricKeysPostgres({ database, sealingKey }).load('refresh-token')
  const tokens = refreshTokens({ version: (version) => keys.find((key) => key.version === version)?.key })
  const families = refreshFamiliesPostgres(database)
  const sessions = sessionsPostgres(database)
  return makeExplain({
    accessTokens: accessTokens({ issuer: config.issuer, keyring, clock }),
    refreshTokens: tokens,
    readPresented: readPresentedPostgres(database, clock),
    refreshStanding: makeRefreshStanding({ refreshTokens: tokens, families, lifetimes: config }),
    families,
    standing: tokenStandingPostgres(database),
    findSession: (id) => sessions.find(id, clock.now()),
    lineages: lineagesPostgres(database),
    retryWindowSeconds: config.refreshRetryWindowSeconds,
    clock,
  })(text)
}
