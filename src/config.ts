import { availableParallelism, tmpdir } from 'node:os'
import { contradictions } from './config-contradictions.ts'
import { VARIABLE_NAMES, VARIABLES, type Values } from './config-variables.ts'
import type { SmtpServer } from './mail/smtp-url.ts'
import type { LogLevel } from './telemetry/logger.ts'

/** Which stores are in use: see docs/adr/0002-three-modes.md. */
export type Mode = 'embedded' | 'small' | 'standard'

/** The whole configuration, checked and frozen. Nothing else reads the environment. */
export interface Config {
  readonly mode: Mode
  readonly issuer: string
  readonly host: string
  readonly port: number
  readonly metricsPort: number
  readonly databaseUrl: string | undefined
  readonly redisUrl: string | undefined
  readonly dataDirectory: string
  readonly keysDirectory: string
  /** Prints the sealing key; then no file is read. */
  readonly sealingKeyCommand: string | undefined
  readonly accessTokenTtlSeconds: number
  readonly refreshIdleTtlSeconds: number
  readonly refreshAbsoluteTtlSeconds: number
  readonly refreshRetryWindowSeconds: number
  readonly keyRotationPeriodSeconds: number
  readonly jwksMaxAgeSeconds: number
  readonly trustedProxies: readonly string[]
  readonly logLevel: LogLevel
  /** How many processes answer requests. */
  readonly workers: number
  readonly hashConcurrency: number
  /** Whether attempts are counted: off where a gateway does. */
  readonly rateLimits: 'on' | 'off'
  /** What a login at /dj-rest-auth/ hands out. */
  readonly restAuth: 'jwt' | 'cookie' | 'key'
  /** Whether who sets a new password at /dj-rest-auth/ must give the old one. */
  readonly oldPasswordField: boolean
  /** Whether webhooks may be in private networks, and without TLS. */
  readonly webhookPrivateNetworks: boolean
  /** Whether each new user gets an authtoken at once. */
  readonly authtokenWithUser: boolean
  /** Whether a username and a password are taken at each request. */
  readonly basicAuthentication: boolean
  /** A header of its own for API keys, besides `Authorization`. */
  readonly apiKeyHeader: string | undefined
  /** Whether anybody may register at /dj-rest-auth/, and whether the address is to be verified by mail. */
  readonly registration: 'closed' | 'open'
  readonly emailVerification: 'none' | 'optional' | 'mandatory'
  /** The server that takes mail, and whom it is from: both or neither. */
  readonly smtp: SmtpServer | undefined
  readonly mailFrom: { readonly name: string; readonly address: string } | undefined
  /** Pages of the front end that links in mails lead to. */
  readonly passwordResetUrl: string | undefined
  readonly verifyEmailUrl: string | undefined
  /** Embedded without being asked for by name: demo accounts are made at the first start. */
  readonly demo: boolean
  /** Where sockets may go that do not fit under the data directory. */
  readonly runtimeDirectory: string
}

/** The configuration is wrong. `problems` has a line for each mistake; none shows a value that could be secret. */
export class ConfigProblem extends Error {
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.name = 'ConfigProblem'
    this.problems = problems
  }
}

/** The exit status for a configuration mistake, in every command (sysexits.h EX_CONFIG). */
export const EXIT_CONFIG = 78

/** Not ours although they carry our prefix: the test suite's own, and what Kubernetes injects for a service. */
const FOREIGN = /^KEYTURN_(TEST|SERVICE|PORT)_/

/**
 * Reads the configuration from the environment.
 * @param environment the variables; `.env` files are not read
 * @throws ConfigProblem with every mistake at once
 */
export function readConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  const problems: string[] = []
  const values: Partial<Values> = {}

  for (const name of VARIABLE_NAMES) {
    const parsed = VARIABLES[name].safeParse(present(environment, name))
    if (parsed.success) Object.assign(values, { [name]: parsed.data })
    else problems.push(`${name} ${parsed.error.issues[0]?.message ?? 'is wrong'}`)
  }
  for (const name of Object.keys(environment)) {
    if (!name.startsWith('KEYTURN_') || FOREIGN.test(name) || Object.hasOwn(VARIABLES, name)) continue
    problems.push(
      `${name} is not a variable of Keyturn: remove it, or see docs/configuration.md for the right name`,
    )
  }
  problems.push(...contradictions(values, environment))
  if (problems.length > 0) throw new ConfigProblem(problems)

  return Object.freeze(assemble(values as Values, environment))
}

/** What an operator set, or undefined. `KEYTURN_PORT=tcp://…` is Kubernetes talking, not the operator. */
function present(environment: NodeJS.ProcessEnv, name: string): string | undefined {
  const value = environment[name]
  if (name === 'KEYTURN_PORT' && value?.startsWith('tcp://')) return undefined
  return value
}

function assemble(values: Values, environment: NodeJS.ProcessEnv): Config {
  const mode = modeOf(values)
  return {
    mode,
    issuer: values.KEYTURN_ISSUER ?? `http://localhost:${values.KEYTURN_PORT}`,
    host: values.KEYTURN_HOST,
    port: values.KEYTURN_PORT,
    metricsPort: values.KEYTURN_METRICS_PORT,
    databaseUrl: values.KEYTURN_DATABASE_URL,
    redisUrl: values.KEYTURN_REDIS_URL,
    dataDirectory: values.KEYTURN_DATA_DIR,
    keysDirectory: values.KEYTURN_KEYS_DIR,
    sealingKeyCommand: values.KEYTURN_SEALING_KEY_COMMAND,
    accessTokenTtlSeconds: values.KEYTURN_ACCESS_TOKEN_TTL,
    refreshIdleTtlSeconds: values.KEYTURN_REFRESH_IDLE_TTL,
    refreshAbsoluteTtlSeconds: values.KEYTURN_REFRESH_ABSOLUTE_TTL,
    refreshRetryWindowSeconds: values.KEYTURN_REFRESH_RETRY_WINDOW,
    keyRotationPeriodSeconds: values.KEYTURN_KEY_ROTATION_PERIOD,
    jwksMaxAgeSeconds: values.KEYTURN_JWKS_MAX_AGE,
    trustedProxies: values.KEYTURN_TRUSTED_PROXIES,
    logLevel: values.KEYTURN_LOG_LEVEL ?? (mode === 'embedded' ? 'warn' : 'info'),
    workers: values.KEYTURN_WORKERS ?? (mode === 'embedded' ? 1 : availableParallelism()),
    hashConcurrency: values.KEYTURN_HASH_CONCURRENCY,
    rateLimits: values.KEYTURN_RATE_LIMITS,
    restAuth: values.KEYTURN_REST_AUTH,
    oldPasswordField: values.KEYTURN_OLD_PASSWORD_FIELD !== undefined,
    webhookPrivateNetworks: values.KEYTURN_WEBHOOK_PRIVATE_NETWORKS !== undefined,
    authtokenWithUser: values.KEYTURN_AUTHTOKEN_WITH_USER !== undefined,
    basicAuthentication: values.KEYTURN_BASIC_AUTHENTICATION !== undefined,
    apiKeyHeader: values.KEYTURN_API_KEY_HEADER,
    registration: values.KEYTURN_REGISTRATION,
    emailVerification: values.KEYTURN_EMAIL_VERIFICATION,
    smtp: values.KEYTURN_SMTP_URL,
    mailFrom: values.KEYTURN_MAIL_FROM,
    passwordResetUrl: values.KEYTURN_PASSWORD_RESET_URL,
    verifyEmailUrl: values.KEYTURN_VERIFY_EMAIL_URL,
    demo: mode === 'embedded' && values.KEYTURN_EMBEDDED === undefined,
    runtimeDirectory: environment['XDG_RUNTIME_DIR'] ?? tmpdir(),
  }
}

function modeOf(values: Values): Mode {
  if (values.KEYTURN_DATABASE_URL === undefined) return 'embedded'
  return values.KEYTURN_REDIS_URL === undefined ? 'small' : 'standard'
}

/** What `createsuperuser --noinput` takes from the environment, with Django's names for it. */
export function readSuperuser(environment: NodeJS.ProcessEnv = process.env) {
  return {
    username: environment['DJANGO_SUPERUSER_USERNAME'],
    email: environment['DJANGO_SUPERUSER_EMAIL'],
    password: environment['DJANGO_SUPERUSER_PASSWORD'],
  }
}
