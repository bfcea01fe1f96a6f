import type { Clock } from './clock.ts'
import type { Config } from './config.ts'
import type { SealingKey } from './keys/sealing-key.ts'
import { symmetricKeysPostgres } from './keys/symmetric-keys-postgres.ts'
import type { Database } from './postgres/database.ts'
import { rememberAcceptedKey } from './swap/accepted-key.ts'
import { OLD_KEY_PURPOSE } from './swap/administration.ts'
import { oldTokensPostgres } from './swap/old-tokens-postgres.ts'
import { makeSwap, type Swap, type SwapParts } from './swap/swap.ts'
import { lifetimesOf } from './tokens/lifetimes.ts'

/** Builds the swap of an earlier system's refresh tokens over a database. */
export function buildSwap(
  parts: {
    database: Database
    sealingKey: SealingKey
    clock: Clock
    config: Config
  } & Pick<SwapParts, 'families' | 'refreshTokens' | 'readPresented' | 'keyVersion'>,
): Swap {
  const { database, config, clock } = parts
  const symmetricKeys = symmetricKeysPostgres(parts)
  return makeSwap({
    ...parts,
    oldTokens: oldTokensPostgres(database),
    acceptedKey: rememberAcceptedKey(
      async () => (await symmetricKeys.load(OLD_KEY_PURPOSE)).keys.at(-1)?.key,
      clock,
    ),
    lifetimesOf: (client) => lifetimesOf(client, config),
    issuer: config.issuer,
  })
}
