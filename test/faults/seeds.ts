import { randomBytes } from 'node:crypto'
import { clientAdministration } from '../../src/clients/administration.ts'
import type { Client } from '../../src/clients/client.ts'
import { clientsPostgres } from '../../src/clients/clients-postgres.ts'
import { systemClock } from '../../src/clock.ts'
import { keySchedule } from '../../src/keys/schedule.ts'
import type { SealingKey } from '../../src/keys/sealing-key.ts'
import { makeSymmetricKeyring } from '../../src/keys/symmetric-keyring.ts'
import { symmetricKeysPostgres } from '../../src/keys/symmetric-keys-postgres.ts'
import { startHasher } from '../../src/passwords/hasher.ts'
import type { Database } from '../../src/postgres/database.ts'
import { makeIssuer } from '../../src/tokens/issuer.ts'
import { refreshFamiliesPostgres } from '../../src/tokens/refresh-families-postgres.ts'
import { refreshTokens } from '../../src/tokens/refresh-token.ts'
import { userAdministration } from '../../src/users/administration.ts'
import { usersPostgres } from '../../src/users/users-postgres.ts'
import type { RegisteredClient } from './door.ts'

export const ISSUER = 'http://localhost:7600'

export interface TestUser {
  readonly id: string
  readonly username: string
  readonly password: string
}

/** Begins sessions as a login does, through the same store and with real tokens, but without hashing a password. */
export interface Seeds {
  /** @returns the client and its first refresh token, of clients and users in turn */
  begin(): Promise<{ client: RegisteredClient; refreshToken: string }>
}

const USERS = 6
const DETAILS = [
  { name: 'confidential' },
  { name: 'native', isPublic: true, isNative: true },
  { name: 'browser', isPublic: true },
] as const
const SCOPES = ['read', 'account']
const DAY_SECONDS = 86_400
const quiet = { debug() {}, info() {}, warn() {}, error() {} }

/** Registers a client of each class and some users. */
export async function register(
  database: Database,
): Promise<{ clients: RegisteredClient[]; users: TestUser[] }> {
  const hasher = startHasher({ concurrency: 1, clock: systemClock })
  const administration = clientAdministration({
    clients: clientsPostgres(database),
    requireSigning: async () => {},
    clock: systemClock,
  })
  const people = userAdministration({ users: usersPostgres(database), hasher, clock: systemClock })
  const clients: RegisteredClient[] = []
  const users: TestUser[] = []
  try {
    for (const details of DETAILS) {
      const extra = details.name === 'confidential' ? ['client_credentials'] : []
      const registered = await administration.create(
        {
          ...details,
          isFirstParty: true,
          grants: ['password', 'refresh_token', ...extra],
          scopes: SCOPES,
        },
        'test',
      )
      clients.push({
        id: registered.client.id,
        secret: registered.secret,
        latePolicy: registered.client.latePolicy,
      })
    }
    for (let index = 0; index < USERS; index++) {
      const details = { username: `user${index}`, password: randomBytes(12).toString('hex') }
      const { id } = await people.create(details, 'test')
      users.push({ id, ...details })
    }
  } finally {
    await hasher.close()
  }
  return { clients, users }
}

/** Makes sessions in the database that a deployment uses. */
export async function openSeeds(parts: {
  database: Database
  sealingKey: SealingKey
  clients: readonly RegisteredClient[]
  users: readonly TestUser[]
}): Promise<Seeds> {
  const { database, sealingKey } = parts
  const keyring = makeSymmetricKeyring({
    symmetricKeys: symmetricKeysPostgres({ database, sealingKey }),
    purpose: 'refresh-token',
    schedule: keySchedule({ rotationPeriodSeconds: 30 * DAY_SECONDS, jwksMaxAgeSeconds: 300 }),
    clock: systemClock,
    logger: quiet,
  })
  await keyring.reload()
  const issue = makeIssuer({
    accessTokens: { sign: async () => 'none' },
    refreshTokens: refreshTokens({ version: (version) => keyring.version(version)?.key }),
    families: refreshFamiliesPostgres(database),
    keyVersion: () => keyring.current().version,
    lifetimes: {
      accessTokenTtlSeconds: 600,
      refreshIdleTtlSeconds: DAY_SECONDS,
      refreshAbsoluteTtlSeconds: 2 * DAY_SECONDS,
    },
    clock: systemClock,
  })
  const clients: { registered: RegisteredClient; client: Client }[] = []
  for (const registered of parts.clients) {
    const client = await clientsPostgres(database).find(registered.id)
    if (client) clients.push({ registered, client })
  }
  const users = await Promise.all(
    parts.users.map(async ({ id, username }) => {
      const found = await usersPostgres(database).findByIdentifier(username)
      return { id, username, passwordChangedAt: found?.passwordChangedAt ?? null }
    }),
  )
  let next = 0

  return {
    async begin() {
      const { registered, client } = clients[next % clients.length] ?? fail()
      const user = users[next++ % users.length] ?? fail()
      const login = {
        authenticatedAt: systemClock.now(),
        authenticationMethods: ['pwd'],
        passwordChangedAt: user.passwordChangedAt,
        isRemembered: false,
      }
      const granted = { scope: SCOPES, audience: [ISSUER] }
      const answer = await issue({
        client,
        subject: { kind: 'login', user, login },
        ...granted,
        refreshable: { scope: SCOPES, audience: [] },
      })
      return { client: registered, refreshToken: answer.refresh_token ?? fail() }
    },
  }
}

function fail(): never {
  throw new Error('nothing is registered')
}
