import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { z } from 'zod'
import {
  addresses,
  count,
  DAY,
  databaseUrl,
  directory,
  duration,
  frontEndUrl,
  headerName,
  host,
  issuer,
  mailFrom,
  port,
  redisUrl,
  smtpUrl,
} from './config-values.ts'
import { LOG_LEVELS } from './telemetry/logger.ts'

/** Every variable there is; docs/configuration.md describes them, and a test compares the two. */
export const VARIABLES = {
  KEYTURN_ISSUER: issuer.optional(),
  KEYTURN_HOST: host.default('127.0.0.1'),
  KEYTURN_PORT: port.default(7600),
  KEYTURN_METRICS_PORT: port.default(7601),
  KEYTURN_DATABASE_URL: databaseUrl.optional(),
  KEYTURN_REDIS_URL: redisUrl.optional(),
  KEYTURN_DATA_DIR: directory.default(resolve('.keyturn')),
  KEYTURN_KEYS_DIR: directory.default(resolve('keys')),
  KEYTURN_SEALING_KEY_COMMAND: z.string().regex(/\S/, 'must be a command').optional(),
  KEYTURN_ACCESS_TOKEN_TTL: duration(60, 3600).default(600),
  KEYTURN_REFRESH_IDLE_TTL: duration(60, 3650 * DAY).default(14 * DAY),
  KEYTURN_REFRESH_ABSOLUTE_TTL: duration(60, 3650 * DAY).default(90 * DAY),
  KEYTURN_REFRESH_RETRY_WINDOW: duration(31, 120).default(60),
  KEYTURN_KEY_ROTATION_PERIOD: duration(0, 3650 * DAY).default(30 * DAY),
  KEYTURN_JWKS_MAX_AGE: duration(1, DAY).default(300),
  KEYTURN_TRUSTED_PROXIES: addresses.default([]),
  KEYTURN_LOG_LEVEL: z.enum(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}`).optional(),
  KEYTURN_WORKERS: count.optional(),
  KEYTURN_HASH_CONCURRENCY: count.default(Math.max(1, availableParallelism() - 1)),
  KEYTURN_RATE_LIMITS: z.enum(['on', 'off'], 'must be on or off').default('on'),
  KEYTURN_REST_AUTH: z.enum(['jwt', 'cookie', 'key'], 'must be jwt, cookie or key').default('jwt'),
  KEYTURN_OLD_PASSWORD_FIELD: z.literal('1', 'must be 1 where it is set').optional(),
  KEYTURN_WEBHOOK_PRIVATE_NETWORKS: z.literal('1', 'must be 1 where it is set').optional(),
  KEYTURN_AUTHTOKEN_WITH_USER: z.literal('1', 'must be 1 where it is set').optional(),
  KEYTURN_BASIC_AUTHENTICATION: z.literal('1', 'must be 1 where it is set').optional(),
  KEYTURN_API_KEY_HEADER: headerName.optional(),
  KEYTURN_REGISTRATION: z.enum(['closed', 'open'], 'must be closed or open').default('closed'),
  KEYTURN_EMAIL_VERIFICATION: z
    .enum(['none', 'optional', 'mandatory'], 'must be none, optional or mandatory')
    .default('none'),
  KEYTURN_SMTP_URL: smtpUrl.optional(),
  KEYTURN_MAIL_FROM: mailFrom.optional(),
  KEYTURN_PASSWORD_RESET_URL: frontEndUrl('uid', 'token').optional(),
  KEYTURN_VERIFY_EMAIL_URL: frontEndUrl('key').optional(),
  KEYTURN_EMBEDDED: z.literal('1', 'must be 1 where it is set').optional(),
}

/** What they are, read. */
export type Values = { [Name in keyof typeof VARIABLES]: z.output<(typeof VARIABLES)[Name]> }

/** The names of all variables, for the documentation test. */
export const VARIABLE_NAMES = Object.keys(VARIABLES) as readonly (keyof typeof VARIABLES)[]
