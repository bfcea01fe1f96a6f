import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { clientAdministration } from '../../src/clients/administration.ts'
import { clientsPostgres } from '../../src/clients/clients-postgres.ts'
import { systemClock } from '../../src/clock.ts'
import { createSealingKey } from '../../src/keys/sealing-key.ts'
import { startHasher } from '../../src/passwords/hasher.ts'
import type { Database } from '../../src/postgres/database.ts'
import { userAdministration } from '../../src/users/administration.ts'
import { usersPostgres } from '../../src/users/users-postgres.ts'
import { type Build, RETRY_WINDOW_MS } from './builds.ts'
import { type Door, makeDoor, type RegisteredClient } from './door.ts'
import { type History, makeHistory } from './history.ts'
import { makeNode, type Node } from './nodes.ts'
import { type Link, openLink } from './proxy.ts'
import { openPostgresStore, openRedisStore, type PostgresStore, type RedisStore } from './stores.ts'

/** Which stores a deployment has. */
export type Topology = 'standalone' | 'small'

/** One deployment of its own, with a link in front of everything that can be reached. */
export interface World {
  readonly topology: Topology
  readonly nodes: readonly Node[]
  /** From each node to Redis, and from each to PostgreSQL, in the order of the nodes. */
  readonly redisLinks: readonly Link[]
  readonly postgresLinks: readonly Link[]
  /** Only in the topology `standalone`. */
  readonly redis: RedisStore | undefined
  readonly postgres: PostgresStore
  readonly clients: readonly RegisteredClient[]
  readonly users: readonly { username: string; password: string }[]
  readonly door: Door
  readonly history: History
  /** What went wrong beside requests: a node that ended by itself. */
  readonly incidents: string[]
  /** Families in which a known double fault was provoked (check-history.ts). */
  readonly doubleFaults: Set<string>
  close(): Promise<void>
}

const USERS = 6
/** One of each kind; only a browser's spent tokens are a thief's once their window is over. */
const DETAILS = [
  { name: 'confidential', grants: ['password', 'refresh_token', 'client_credentials'] },
  { name: 'native', grants: ['password', 'refresh_token'], isPublic: true, isNative: true },
  { name: 'browser', grants: ['password', 'refresh_token'], isPublic: true },
] as const

export interface WorldOptions {
  readonly topology: Topology
  readonly nodes: number
  readonly build: Build
  /** Its own; removed by whoever made it. */
  readonly directory: string
}

/** Starts a deployment. What has started is stopped again when the rest cannot be. */
export async function startWorld({ topology, nodes: count, build, directory }: WorldOptions): Promise<World> {
  const closing: (() => Promise<unknown>)[] = []
  const close = async () => {
    for (const end of closing.splice(0).reverse()) await end()
  }
  const opened = async <T extends { close(): Promise<unknown> }>(opening: Promise<T>): Promise<T> => {
    const thing = await opening
    closing.push(() => thing.close())
    return thing
  }

  try {
    const [postgres, redis] = await Promise.all([
      opened(openPostgresStore()),
      topology === 'standalone' ? opened(openRedisStore()) : undefined,
    ])
    const keys = join(directory, 'keys')
    mkdirSync(keys, { recursive: true })
    await createSealingKey(keys)
    const { clients, users } = await register(postgres.database)

    const incidents: string[] = []
    const nodes: Node[] = []
    const redisLinks: Link[] = []
    const postgresLinks: Link[] = []
    for (let index = 0; index < count; index++) {
      const name = `node ${index + 1}`
      const postgresLink = await opened(openLink(postgres.port))
      postgresLinks.push(postgresLink)
      const redisLink = redis && (await opened(openLink(redis.port)))
      if (redisLink) redisLinks.push(redisLink)
      const node: Node = await opened(
        makeNode({
          name,
          build,
          directory,
          environment: {
            KEYTURN_ISSUER: 'http://localhost:7600',
            KEYTURN_KEYS_DIR: keys,
            KEYTURN_DATABASE_URL: `postgres://postgres@127.0.0.1:${postgresLink.port}/postgres`,
            ...(redisLink && { KEYTURN_REDIS_URL: `redis://127.0.0.1:${redisLink.port}` }),
            KEYTURN_REFRESH_RETRY_WINDOW: String(RETRY_WINDOW_MS / 1000),
            KEYTURN_HASH_CONCURRENCY: '1',
            KEYTURN_LOG_LEVEL: 'warn',
          },
          onUnexpectedEnd: (code) => incidents.push(`${name} ended with ${code}:\n${node.output()}`),
        }),
      )
      nodes.push(node)
    }
    await Promise.all(nodes.map((node) => node.start()))

    const history = makeHistory()
    const door = makeDoor(
      nodes.map(({ origin }) => origin),
      history,
    )
    return {
      ...{ topology, nodes, redisLinks, postgresLinks, redis, postgres },
      ...{ clients, users, door, history, incidents, close },
      doubleFaults: new Set(),
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** Makes the clients and users, as an operator would. */
async function register(database: Database) {
  const clock = systemClock
  const clientsOf = clientAdministration({ clients: clientsPostgres(database), clock })
  const clients: RegisteredClient[] = []
  for (const details of DETAILS) {
    const scopes = ['read', 'account']
    const { client, secret } = await clientsOf.create({ ...details, isFirstParty: true, scopes }, 'test')
    clients.push({ id: client.id, secret, latePolicy: client.latePolicy })
  }
  const hasher = startHasher({ concurrency: 1, clock })
  const usersOf = userAdministration({ users: usersPostgres(database), hasher, clock })
  const users = Array.from({ length: USERS }, (_, index) => ({
    username: `user${index}`,
    password: randomBytes(12).toString('hex'),
  }))
  for (const user of users) await usersOf.create(user, 'test')
  await hasher.close()
  return { clients, users }
}
