import type { ApiKeys } from './api-keys/api-keys.ts'
import { apiKeysPostgres } from './api-keys/api-keys-postgres.ts'
import { type CheckApiKey, checkApiKey } from './api-keys/authentication.ts'
import { type CheckAuthtoken, checkAuthtoken } from './authtokens/authentication.ts'
import type { Authtokens } from './authtokens/authtokens.ts'
import { authtokensPostgres } from './authtokens/authtokens-postgres.ts'
import { type ShowDefaultAuthtoken, showDefaultAuthtoken } from './authtokens/default-authtoken.ts'
import type { Clock } from './clock.ts'
import type { SealingKey } from './keys/sealing-key.ts'
import { symmetricKeysOnDemand } from './keys/symmetric-keys-on-demand.ts'
import { symmetricKeysPostgres } from './keys/symmetric-keys-postgres.ts'
import type { Hasher } from './passwords/hasher.ts'
import type { Database } from './postgres/database.ts'
import { noteLastUse } from './postgres/last-use.ts'
import type { Logger } from './telemetry/logger.ts'

/** The keys that a user can present instead of an access token, for the doors that show and take them. */
export interface Credentials {
  readonly authtokens: Authtokens
  readonly showDefaultAuthtoken: ShowDefaultAuthtoken
  readonly checkAuthtoken: CheckAuthtoken
  readonly apiKeys: ApiKeys
  readonly checkApiKey: CheckApiKey
}

/** Builds them over a database. */
export function buildCredentials(parts: {
  database: Database
  sealingKey: SealingKey
  /** For API keys that an earlier system stored with a password hash. */
  hasher: Pick<Hasher, 'verify'>
  clock: Clock
  logger: Logger
}): Credentials {
  const { clock, hasher } = parts
  const authtokens = authtokensPostgres(parts.database)
  const keys = symmetricKeysOnDemand('authtoken', async () => symmetricKeysPostgres(parts))
  const noteUse = noteLastUse({ ...parts, table: 'authtokens' })
  const apiKeys = apiKeysPostgres(parts.database)
  const verifyPassword = async (password: string, stored: string) =>
    (await hasher.verify(password, stored)).outcome === 'match'
  return {
    authtokens,
    showDefaultAuthtoken: showDefaultAuthtoken({ authtokens, keys, clock }),
    checkAuthtoken: checkAuthtoken({ authtokens, clock, noteUse }),
    apiKeys,
    checkApiKey: checkApiKey({
      apiKeys,
      verifyPassword,
      clock,
      noteUse: noteLastUse({ ...parts, table: 'api_keys' }),
    }),
  }
}
