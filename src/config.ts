import { availableParallelism, tmpdir } from 'node:os'
import { resolve } from 'node:path'
import { z } from 'zod'
import { addresses, directory, host, port, redisUrl, url } from './config-values.ts'
import { LOG_LEVELS, type LogLevel } from './telemetry/logger.ts'

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
  readonly hashConcurrency: number
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

const UNIT_SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 } as const
const DAY = UNIT_SECONDS.d

const seconds = z
  .string()
  .regex(/^(\d+|\d+(\.\d+)?[smhd])$/, 'must be whole seconds, or a number with s, m, h or d (600, 10m, 1.5h)')
  .transform((text) => Number.parseFloat(text) * (UNIT_SECONDS[text.slice(-1) as 's'] ?? 1))
  .refine((exact) => exact === 0 || exact >= 0.5, 'must be a second at least, or 0')
  .transform(Math.round)

/** A duration in seconds: whole seconds, or a number with s, m, h or d. Bounds are in seconds. */
function duration(least: number, most: number) {
  return seconds.refine(
    (value) => value >= least && value <= most,
    `must be from ${least} to ${most} seconds`,
  )
}

/** A duration as the variables have it, in seconds; undefined where it is none. */
export function parseDuration(text: string): number | undefined {
  return seconds.safeParse(text).data
}

const databaseUrl = url(['postgres:', 'postgresql:'], 'postgres://user@host:5432/keyturn').refine((text) => {
  if (!URL.canParse(text)) return true // said already
  const { hostname, pathname, searchParams } = new URL(text)
  return (hostname !== '' || searchParams.has('host')) && pathname.length > 1
}, 'must name the host and the database (postgres://user@host:5432/keyturn)')

const issuer = url(['http:', 'https:'], 'https://id.example.com').refine((text) => {
  return URL.canParse(text) && new URL(text).origin === text
}, 'must be an origin alone, without path, query, fragment or trailing slash (https://id.example.com)')

/** Every variable there is; docs/configuration.md describes them, and a test compares the two. */
const VARIABLES = {
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
  KEYTURN_HASH_CONCURRENCY: z
    .string()
    .regex(/^[1-9]\d{0,2}$/, 'must be a number from 1 to 999')
    .transform(Number)
    .default(Math.max(1, availableParallelism() - 1)),
  KEYTURN_EMBEDDED: z.literal('1', 'must be 1 where it is set').optional(),
}

type Values = { [Name in keyof typeof VARIABLES]: z.output<(typeof VARIABLES)[Name]> }

/** The names of all variables, for the documentation test. */
export const VARIABLE_NAMES = Object.keys(VARIABLES) as readonly (keyof typeof VARIABLES)[]

/** Not ours although they carry our prefix: the test suite's own, and what Kubernetes injects for a service. */
const FOREIGN = /^KEYTURN_(TEST|SERVICE|PORT)_/
const LOOPBACK_HOSTS = new Set(['localhost', '127.0.0.1', '::1', '[::1]'])

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

/** Mistakes that lie between variables. A variable that is wrong by itself is not blamed twice. */
function contradictions(values: Partial<Values>, environment: NodeJS.ProcessEnv): string[] {
  const problems: string[] = []
  const database = values.KEYTURN_DATABASE_URL ?? environment['KEYTURN_DATABASE_URL']
  if (environment['KEYTURN_REDIS_URL'] !== undefined && database === undefined) {
    problems.push(
      'KEYTURN_REDIS_URL needs KEYTURN_DATABASE_URL: PostgreSQL is the record, Redis only its fast path',
    )
  }
  if (database === undefined && values.KEYTURN_EMBEDDED === undefined) {
    const asked = [
      isLoopback(values.KEYTURN_HOST) ? '' : 'KEYTURN_HOST is not a loopback address',
      isLoopback(values.KEYTURN_ISSUER && new URL(values.KEYTURN_ISSUER).hostname)
        ? ''
        : 'KEYTURN_ISSUER is not local',
      environment['NODE_ENV'] === 'production' ? 'NODE_ENV is production' : '',
    ].filter(Boolean)
    if (asked.length > 0) {
      problems.push(
        `${asked.join(' and ')}, but there is no database: set KEYTURN_DATABASE_URL, ` +
          'or KEYTURN_EMBEDDED=1 to run on the embedded one all the same',
      )
    }
  }
  if (database !== undefined && values.KEYTURN_EMBEDDED !== undefined) {
    problems.push(
      'KEYTURN_EMBEDDED asks for the embedded database and KEYTURN_DATABASE_URL for another: remove one of them',
    )
  }
  if (values.KEYTURN_PORT === 0 && environment['KEYTURN_ISSUER'] === undefined) {
    problems.push('KEYTURN_ISSUER is needed where KEYTURN_PORT is 0: the port is not known beforehand')
  }
  const { KEYTURN_REFRESH_IDLE_TTL: idle, KEYTURN_REFRESH_ABSOLUTE_TTL: absolute } = values
  if (idle !== undefined && absolute !== undefined && idle > absolute) {
    problems.push('KEYTURN_REFRESH_IDLE_TTL must not be longer than KEYTURN_REFRESH_ABSOLUTE_TTL')
  }
  const { KEYTURN_PORT: main, KEYTURN_METRICS_PORT: metrics } = values
  if (main !== undefined && main === metrics && main !== 0) {
    problems.push('KEYTURN_METRICS_PORT must differ from KEYTURN_PORT')
  }
  return problems
}

/** Whether a host is this machine alone; the default (undefined) is. */
export function isLoopback(host: string | undefined): boolean {
  return host === undefined || LOOPBACK_HOSTS.has(host) || /^127(\.\d{1,3}){3}$/.test(host)
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
    hashConcurrency: values.KEYTURN_HASH_CONCURRENCY,
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
