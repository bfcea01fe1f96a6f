import type { Server } from 'node:http'
import { buildAccounts } from './accounts.ts'
import { buildAuditing } from './auditing.ts'
import { clientsOfOrigin } from './clients/allowed-origins.ts'
import type { AuthenticatedClient } from './clients/authentication.ts'
import { clientsPostgres } from './clients/clients-postgres.ts'
import { secretUse } from './clients/secret-use.ts'
import type { Clock } from './clock.ts'
import type { Config } from './config.ts'
import { buildCredentials } from './credentials.ts'
import { buildFamilies } from './families.ts'
import { buildTokenRequest } from './granting.ts'
import { authenticateHolder } from './http/account/bearer.ts'
import { accountSessionsEndpoints } from './http/account/sessions.ts'
import { makeAdmission } from './http/admission.ts'
import { clientAddress } from './http/client-address.ts'
import { crossOrigin } from './http/cross-origin.ts'
import { djangoEndpoints } from './http/django/endpoints.ts'
import { livezEndpoint, readyzEndpoint } from './http/health.ts'
import { makeMetricsServer } from './http/metrics-server.ts'
import { readAuthenticatedForm } from './http/oauth/authenticated-form.ts'
import { discoveryEndpoint } from './http/oauth/discovery.ts'
import { introspectEndpoint } from './http/oauth/introspect.ts'
import { jwksEndpoint } from './http/oauth/jwks.ts'
import { revokeEndpoint } from './http/oauth/revoke.ts'
import { tokenEndpoint } from './http/oauth/token.ts'
import { privateTransport } from './http/private-transport.ts'
import { makeServer } from './http/server.ts'
import { trustedProxies } from './http/trusted-proxies.ts'
import { buildKeyrings } from './keyrings.ts'
import type { KeySchedule } from './keys/schedule.ts'
import type { SealingKey } from './keys/sealing-key.ts'
import { buildLimiting } from './limiting.ts'
import { hashAside } from './passwords/hash-aside.ts'
import type { Hasher } from './passwords/hasher.ts'
import type { Database } from './postgres/database.ts'
import { watchDatabase } from './postgres/watch.ts'
import type { RedisConnection } from './redis/connection.ts'
import { sessionsPostgres } from './sessions/sessions-postgres.ts'
import { buildSwap } from './swapping.ts'
import type { Logger } from './telemetry/logger.ts'
import { makeMetrics } from './telemetry/metrics.ts'
import { makeReadiness, type Readiness } from './telemetry/readiness.ts'
import { notePrincipals, stepAside } from './telemetry/request-context.ts'
import { longestStandstillMs, watchStandstill } from './telemetry/standstill.ts'
import { buildTokenQuestions } from './token-questions.ts'
import { accessTokens as makeAccessTokens } from './tokens/access-token.ts'
import { flushPatiently } from './tokens/flush-patiently.ts'
import { makeIssuer } from './tokens/issuer.ts'
import { readPresentedPostgres } from './tokens/presented-postgres.ts'
import { makeNoteRefresh } from './tokens/refresh-notes.ts'
import { makeRefreshStanding } from './tokens/refresh-standing.ts'
import { refreshTokens as makeRefreshTokens } from './tokens/refresh-token.ts'
import { tokenStandingPostgres } from './tokens/token-standing-postgres.ts'
import { makeLogin } from './users/login.ts'
import { usersPostgres } from './users/users-postgres.ts'
import { watchParts } from './watching.ts'
import { buildWebhookDelivery } from './webhooking.ts'

/** What the application is built on; whoever opened these closes them. */
export interface AppParts {
  readonly config: Config
  readonly database: Database
  /** Only in standard mode. */
  readonly redis: RedisConnection | undefined
  readonly hasher: Hasher
  readonly sealingKey: SealingKey
  readonly schedule: KeySchedule
  readonly clock: Clock
  readonly logger: Logger
}

/** The application, joined together and not yet listening. */
export interface App {
  readonly server: Server
  readonly metrics: ReturnType<typeof makeMetrics>['registry']
  readonly metricsServer: Server
  readonly readiness: Readiness
  /** Loads the keys (making the first ones) and looks for the stores; a store that is down is no error. */
  start(): Promise<void>
  /** Reads the keys again at once, for a change made in this process. */
  reloadKeys(): Promise<void>
  /** Writes what waits, stops the timers. */
  close(): Promise<void>
}

/** The one place where the parts are built and joined. It holds no rule of its own. */
export function buildApp(parts: AppParts): App {
  const { config, database, clock, logger } = parts
  const { issuer, refreshRetryWindowSeconds: retryWindowSeconds } = config

  const metrics = makeMetrics()
  const admission = makeAdmission(clock)
  const hasher = hashAside(parts.hasher, stepAside)
  const isTrustedProxy = trustedProxies(config.trustedProxies)
  const standstill = watchStandstill(longestStandstillMs(retryWindowSeconds))
  const readiness = makeReadiness()
  const databaseWatch = watchDatabase(database, logger, () => {
    loadKeys().catch((error) => logger.warn({ err: error }, 'the keys were not read'))
  })

  const { keyring, refreshKeyring } = buildKeyrings(parts)
  const keyVersion = () => refreshKeyring.current().version
  const auditing = buildAuditing(parts)
  const { tally, noteLoginRefusal: noteRefusal } = auditing

  const accessTokens = makeAccessTokens({ issuer, keyring, clock })
  const refreshTokens = makeRefreshTokens({ version: (version) => refreshKeyring.version(version)?.key })
  const { families, anchors, calls } = buildFamilies(parts)
  const standing = tokenStandingPostgres(database, admission.serving)
  const readPresented = readPresentedPostgres(database, clock, admission.serving)
  const clients = clientsPostgres(database)
  const origins = clientsOfOrigin({ clients, clock, logger })
  const noteSecretUse = secretUse(clients, clock, logger)
  const noteClient = (authenticated: AuthenticatedClient) => {
    notePrincipals({ client: authenticated.client.id })
    noteSecretUse(authenticated)
  }
  const noteUser = (user: string) => notePrincipals({ user })
  const issue = makeIssuer({ accessTokens, refreshTokens, families, keyVersion, lifetimes: config, clock })

  const refreshStanding = makeRefreshStanding({ refreshTokens, families, lifetimes: config })
  const noteRefresh = makeNoteRefresh({
    count: (outcome) => metrics.refreshes.inc({ outcome }),
    tally,
    logger,
  })

  const credentials = buildCredentials({ ...parts, hasher })
  const users = usersPostgres(database)
  const { beginLoginAttempt, authenticateClient, ...counts } = buildLimiting({ ...parts, calls, metrics })
  const login = makeLogin({ users, hasher, clock, beginAttempt: beginLoginAttempt, noteUser, noteRefusal })
  const webhooks = buildWebhookDelivery(parts)
  const accounts = buildAccounts({ ...parts, ...counts, hasher, ...credentials, users, login, metrics })
  const answer = buildTokenRequest({
    config,
    login,
    credentials,
    accessTokens,
    refreshTokens,
    families,
    keyVersion,
    standing: refreshStanding,
    readPresented,
    authenticateClient,
    issue,
    clock,
    noteClient,
    noteUser,
    noteRefresh,
  })
  const tokenParts = { accessTokens, refreshTokens, readPresented, families, standing, clock }
  const questions = buildTokenQuestions({ ...tokenParts, ...credentials, refreshStanding, config })
  const authenticate = authenticateHolder({ accessTokens, standing, issuer })
  const readAuthenticated = readAuthenticatedForm(readPresented, authenticateClient, noteClient)

  const server = makeServer({
    endpoints: {
      token: tokenEndpoint(answer, standstill, metrics),
      introspect: introspectEndpoint(readAuthenticated, questions.introspect),
      revoke: revokeEndpoint(readAuthenticated, questions.revoke),
      ...accountSessionsEndpoints({ sessions: sessionsPostgres(database), authenticate, clock }),
      ...djangoEndpoints({
        ...tokenParts,
        ...credentials,
        users,
        login,
        ...accounts,
        answer,
        ...questions,
        swap: buildSwap({ ...parts, ...tokenParts, keyVersion }),
        issuer,
        standstill,
        metrics,
        settings: config,
        origins,
        isPrivate: privateTransport(isTrustedProxy),
      }),
      jwks: jwksEndpoint(keyring),
      discovery: discoveryEndpoint(issuer),
      livez: livezEndpoint,
      readyz: readyzEndpoint(readiness),
    },
    crossOrigin: crossOrigin(origins),
    keyring,
    admission,
    addressOf: clientAddress(isTrustedProxy),
    isHttps: issuer.startsWith('https:'),
    isDraining: readiness.isDraining,
    logger,
    metrics,
    clock,
  })

  watchParts({
    metrics,
    readiness,
    databaseStatus: databaseWatch.status,
    keyring,
    refreshKeyring,
    anchors,
    hasher,
    admission,
    auditing,
    calls,
  })

  async function loadKeys(): Promise<void> {
    await keyring.reload()
    await keyring.maintain()
    await refreshKeyring.reload()
    await auditing.reloadKey()
  }

  return {
    server,
    metrics: metrics.registry,
    metricsServer: makeMetricsServer(metrics.registry),
    readiness,
    async start() {
      await keyring.start()
      await refreshKeyring.start()
      await auditing.start()
      await databaseWatch.start()
      standstill.start()
      accounts.delivery?.start()
      webhooks.start()
    },
    reloadKeys: loadKeys,
    async close() {
      databaseWatch.stop()
      standstill.stop()
      const stopped = keyring.stop()
      refreshKeyring.stop()
      await Promise.all([accounts.delivery?.stop(), webhooks.stop()])
      try {
        await flushPatiently(families, clock)
      } finally {
        await auditing.close()
        await stopped
      }
    },
  }
}
