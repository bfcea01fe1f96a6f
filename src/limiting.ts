import { type AuthenticateClient, countingFailures } from './clients/client-attempts.ts'
import type { Clock } from './clock.ts'
import type { Config } from './config.ts'
import type { SealingKey } from './keys/sealing-key.ts'
import { symmetricKeysOnDemand } from './keys/symmetric-keys-on-demand.ts'
import { symmetricKeysPostgres } from './keys/symmetric-keys-postgres.ts'
import type { Database } from './postgres/database.ts'
import { type Limiter, makeLimiter, NO_LIMITS } from './rate-limits/limiter.ts'
import { isOwnMachine, networkOf } from './rate-limits/network.ts'
import { rateLimitsPostgres } from './rate-limits/rate-limits-postgres.ts'
import { rateLimitsRedis } from './rate-limits/rate-limits-redis.ts'
import type { RedisConnection } from './redis/connection.ts'
import type { GuardedCalls } from './redis/guarded-calls.ts'
import { loadScripts } from './redis/scripts.ts'
import { sessionsPostgres } from './sessions/sessions-postgres.ts'
import type { Logger } from './telemetry/logger.ts'
import type { Metrics } from './telemetry/metrics.ts'
import { currentRequest } from './telemetry/request-context.ts'
import { type BeginLoginAttempt, makeLoginAttempts } from './users/login-attempts.ts'

/** Everything that is counted, for the doors at which it is. */
export interface Limiting {
  readonly beginLoginAttempt: BeginLoginAttempt
  readonly authenticateClient: AuthenticateClient
  /** @throws TooManyRequests */
  readonly countRegistration: () => Promise<void>
  /** @throws TooManyRequests */
  readonly countMail: (address: string) => Promise<void>
}

/** As many live sessions of a user are looked at for a network that is known. */
const SESSIONS_LOOKED_AT = 100

/** Builds the limits over the stores of the mode. */
export function buildLimiting(parts: {
  config: Config
  database: Database
  redis: RedisConnection | undefined
  calls: GuardedCalls | undefined
  sealingKey: SealingKey
  metrics: Metrics
  clock: Clock
  logger: Logger
}): Limiting {
  const { database, clock } = parts
  const limiter = parts.config.rateLimits === 'off' ? NO_LIMITS : buildLimiter(parts)
  const sessions = sessionsPostgres(database)
  const address = () => currentRequest()?.address
  const network = () => {
    const own = address() ?? ''
    return own === '' || isOwnMachine(own) ? undefined : networkOf(own)
  }
  return {
    beginLoginAttempt: makeLoginAttempts({
      limiter,
      address,
      async isSignedInFrom(userId, from) {
        const filter = { userId, onlyLive: true }
        const live = await sessions.list(filter, { limit: SESSIONS_LOOKED_AT }, clock.now())
        return (live ?? []).some((session) => session.address !== null && networkOf(session.address) === from)
      },
    }),
    authenticateClient: countingFailures({ limiter, address, clock }),
    async countRegistration() {
      const of = network()
      if (of !== undefined) await limiter.take([{ limit: 'registration_network', of }])
    },
    async countMail(to) {
      const of = network()
      const fromNetwork = of === undefined ? [] : [{ limit: 'mail_network', of } as const]
      await limiter.take([...fromNetwork, { limit: 'mail_address', of: to.toLowerCase() }])
    },
  }
}

function buildLimiter(parts: Parameters<typeof buildLimiting>[0]): Limiter {
  const { database, redis, calls, metrics } = parts
  const record = rateLimitsPostgres(database)
  const keys = symmetricKeysOnDemand('rate-limit', async () => symmetricKeysPostgres(parts))
  return makeLimiter({
    ...parts,
    rateLimits: redis && calls ? rateLimitsRedis({ runScript: loadScripts(redis), calls, record }) : record,
    key: async () => (await keys.current()).key,
    noteRefusal: (limit) => metrics.rateLimited.inc({ limit }),
  })
}
