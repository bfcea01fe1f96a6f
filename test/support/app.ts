import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import { Redis } from 'ioredis'
import { type Administration, buildAdministration } from '../../src/administration.ts'
import { type App, buildApp } from '../../src/app.ts'
import type { ClientDetails } from '../../src/clients/client-details.ts'
import type { Clock } from '../../src/clock.ts'
import { type Config, readConfig } from '../../src/config.ts'
import { listen } from '../../src/drain.ts'
import { keySchedule } from '../../src/keys/schedule.ts'
import type { SealingKey } from '../../src/keys/sealing-key.ts'
import { type Hasher, startHasher } from '../../src/passwords/hasher.ts'
import { type Database, openDatabase } from '../../src/postgres/database.ts'
import { migrate } from '../../src/postgres/migrate.ts'
import { serverSettings } from '../../src/postgres/server-settings.ts'
import { connectRedis } from '../../src/redis/connection.ts'
import { TestClock } from './clock.ts'
import { type RecordingLogger, recordingLogger } from './logger.ts'
import { createPglite } from './pglite.ts'
import { createPostgres, startPostgres } from './postgres.ts'
import { openRedis } from './redis.ts'
import { afterwards } from './root-hooks.ts'
import { dumpPostgres, dumpRedis, noteSecret, noteSecrets, secretsIn } from './secrets.ts'
import { sharedServer } from './shared-servers.ts'
import { lendSigningKeys, rememberSigningKeys, testSealingKey } from './signing-keys.ts'

export const MODES = ['standard', 'small', 'embedded'] as const
export type TestMode = (typeof MODES)[number]

/** The stores that the nodes of one deployment share. */
export interface TestStores {
  readonly mode: TestMode
  readonly database: Database
  readonly redisUrl: string | undefined
  readonly sealingKey: SealingKey
}

/** A client as a test knows it; without a secret it is public. */
export interface TestClient {
  readonly id: string
  readonly secret?: string
}

/** An answer, read. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: whatever the server says, for a test to look into
  readonly body: any
  readonly text: string
}

/** One Keyturn node that answers on a port of its own. */
export interface TestApp {
  readonly origin: string
  readonly config: Config
  readonly app: App
  readonly stores: TestStores
  readonly administration: Administration
  readonly logger: RecordingLogger
  /** Everybody's password. */
  readonly password: string
  createUser(
    username: string,
    details?: { isSuperuser?: boolean; email?: string },
  ): Promise<{ id: string; username: string }>
  createClient(details?: Partial<ClientDetails>): Promise<TestClient>
  /** POSTs a form, with HTTP Basic where a client with a secret is given, and `client_id` where it has none. */
  post(path: string, form: Record<string, string> | URLSearchParams, client?: TestClient): Promise<Answer>
  get(path: string, headers?: Record<string, string>): Promise<Answer>
  /** Sends a request with any body. */
  send(
    method: string,
    path: string,
    body?: string | URLSearchParams | FormData,
    headers?: Record<string, string>,
  ): Promise<Answer>
  /** Sends a request without a body. */
  request(method: string, path: string, headers?: Record<string, string>): Promise<Answer>
  /** Signs `username` in with the password grant. */
  signIn(client: TestClient, username: string, form?: Record<string, string>): Promise<Answer>
  refresh(client: TestClient, refreshToken: string, form?: Record<string, string>): Promise<Answer>
  /** Redis forgets everything, where there is one. */
  flushRedis(): Promise<void>
}

/**
 * One pool of hashing processes serves the whole run: starting one takes longer than most tests. Its clock stands still, so
 * that a busy machine does not make it shed (test/passwords is about that).
 */
const hasher = sharedServer(async () => {
  const running = startHasher({ concurrency: 2, clock: new TestClock(), queueLimit: 1000 })
  return { hasher: running, stop: () => running.close() }
})

/** New, empty stores of a mode. They are closed after the test. */
export async function openTestStores(mode: TestMode): Promise<TestStores> {
  const { database, close } = mode === 'embedded' ? await createPglite() : await createPostgres()
  afterwards(close)
  const redisUrl = mode === 'standard' ? (await openRedis()).url : undefined
  await lendSigningKeys(database)
  const stores = { mode, database, redisUrl, sealingKey: testSealingKey }
  afterwards(() => expectNothingUsable(stores))
  return stores
}

/** Stores whose PostgreSQL server is the test's own, to be killed; closed after the test. */
export async function openMortalStores(mode: 'standard' | 'small') {
  const server = await startPostgres()
  await migrate({ connectionString: server.url })
  const database = openDatabase(serverSettings(server.url))
  afterwards(async () => {
    await database.close()
    await server.stop()
  })
  const redisUrl = mode === 'standard' ? (await openRedis()).url : undefined
  return { stores: { mode, database, redisUrl, sealingKey: testSealingKey }, server }
}

/**
 * Starts a node in this process. Two nodes are two calls with the same stores.
 * @param options.clock a TestClock that nobody moves, unless another is given; failed logins do not wait on it
 */
export async function startApp(
  options: {
    mode?: TestMode
    stores?: TestStores
    clock?: Clock
    hasher?: Hasher
    environment?: Record<string, string>
  } = {},
): Promise<TestApp> {
  const stores = options.stores ?? (await openTestStores(options.mode ?? 'small'))
  const clock = options.clock ?? new TestClock(undefined, { autoAdvance: true })
  const logger = recordingLogger()
  const config = readConfig({
    KEYTURN_ISSUER: 'http://localhost:7600',
    KEYTURN_RATE_LIMITS: 'off',
    ...options.environment,
  })
  const schedule = keySchedule({
    rotationPeriodSeconds: config.keyRotationPeriodSeconds,
    jwksMaxAgeSeconds: config.jwksMaxAgeSeconds,
  })
  const redis = stores.redisUrl === undefined ? undefined : connectRedis(stores.redisUrl, logger)
  if (redis) await new Promise((resolve) => redis.once('ready', resolve))
  const pool = options.hasher ?? (await hasher()).hasher
  const { database, sealingKey } = stores
  const app = buildApp({ config, database, redis, hasher: pool, sealingKey, schedule, clock, logger })
  await app.start()
  await rememberSigningKeys(database)
  await listen(app.server, 0, '127.0.0.1')
  const origin = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
  afterwards(async () => {
    app.server.close()
    app.server.closeAllConnections()
    await app.close().catch(() => {})
    redis?.disconnect()
    expect(secretsIn(JSON.stringify(logger.lines)), 'secrets in the log').to.deep.equal([])
  })

  const administration = buildAdministration({
    config,
    logger,
    database,
    hasher: () => pool,
    sealingKey: async () => sealingKey,
    schedule,
    clock,
  })
  const password = 'correct horse battery staple'

  noteSecret(password)

  async function send(path: string, request: RequestInit): Promise<Answer> {
    const response = await fetch(origin + path, { redirect: 'manual', ...request })
    const text = await response.text()
    const isJson = (response.headers.get('content-type') ?? '').includes('json')
    const body = isJson && text !== '' ? JSON.parse(text) : undefined
    noteSecrets(body ?? {})
    return { status: response.status, headers: response.headers, text, body }
  }

  const post: TestApp['post'] = (path, form, client) => {
    const parameters = new URLSearchParams(form)
    noteSecret(parameters.get('password'))
    const basic = client?.secret === undefined ? {} : { authorization: basicAuthorization(client) }
    const named = client && client.secret === undefined ? { client_id: client.id } : {}
    if (named.client_id !== undefined) parameters.set('client_id', named.client_id)
    return send(path, { method: 'POST', headers: basic, body: parameters })
  }

  return {
    origin,
    config,
    app,
    stores,
    administration,
    logger,
    password,
    post,
    get: (path, headers = {}) => send(path, { headers }),
    request: (method, path, headers = {}) => send(path, { method, headers }),
    send: (method, path, body, headers = {}) =>
      send(path, { method, headers, ...(body !== undefined && { body }) }),
    async createUser(username, details = {}) {
      return (await administration.users()).create({ username, password, ...details }, 'operator')
    },
    async createClient(details = {}) {
      const { client, secret } = await (await administration.clients()).create(
        {
          name: 'test',
          isFirstParty: true,
          grants: details.isPublic
            ? ['password', 'refresh_token']
            : ['client_credentials', 'password', 'refresh_token'],
          scopes: ['read', 'write'],
          audiences: ['https://api.example.com'],
          ...details,
        },
        'operator',
      )
      noteSecret(secret)
      return secret === undefined ? { id: client.id } : { id: client.id, secret }
    },
    signIn: (client, username, form = {}) =>
      post('/oauth/token', { grant_type: 'password', username, password, ...form }, client),
    refresh: (client, refreshToken, form = {}) =>
      post('/oauth/token', { grant_type: 'refresh_token', refresh_token: refreshToken, ...form }, client),
    async flushRedis() {
      await redis?.flushdb()
    },
  }
}

/** RFC 6749 §2.3.1: both halves form-encoded, then RFC 7617. */
export function basicAuthorization({ id, secret = '' }: TestClient): string {
  const encoded = [id, secret].map((half) => encodeURIComponent(half)).join(':')
  return `Basic ${Buffer.from(encoded).toString('base64')}`
}

/** P5, S-058: whatever the test did, its stores hold nothing that could be presented. */
async function expectNothingUsable({ database, redisUrl }: TestStores): Promise<void> {
  expect(secretsIn(await dumpPostgres(database)), 'secrets in Postgres').to.deep.equal([])
  if (redisUrl === undefined) return
  const redis = new Redis(redisUrl, { protocol: 2 })
  expect(secretsIn(await dumpRedis(redis)), 'secrets in Redis').to.deep.equal([])
  redis.disconnect()
}
