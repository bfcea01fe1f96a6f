import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createSealingKey } from '../../src/keys/sealing-key-file.ts'
import { type RunningCluster, startCluster } from '../support/redis-cluster.ts'
import { type RunningSentinel, startSentinel } from '../support/redis-sentinel.ts'
import { type Build, RETRY_WINDOW_MS } from './builds.ts'
import { type Door, makeDoor, type RegisteredClient } from './door.ts'
import { type History, makeHistory } from './history.ts'
import { makeNode, type Node } from './nodes.ts'
import { type Link, openLink } from './proxy.ts'
import { ISSUER, openSeeds, register, type Seeds, type TestUser } from './seeds.ts'
import { openPostgresStore, openRedisStore, type PostgresStore, type RedisStore } from './stores.ts'

/** Which stores a deployment has. */
export type Topology = 'standalone' | 'small' | 'sentinel' | 'cluster'

/** One deployment of its own, with a link in front of everything that can be reached. */
export interface World {
  readonly topology: Topology
  readonly nodes: readonly Node[]
  /** From each node to PostgreSQL, and to a Redis that stands alone, in the order of the nodes. */
  readonly redisLinks: readonly Link[]
  readonly postgresLinks: readonly Link[]
  /** Each only in the topology of its name; `standalone` has `redis`. */
  readonly redis: RedisStore | undefined
  readonly sentinel: RunningSentinel | undefined
  readonly cluster: RunningCluster | undefined
  readonly postgres: PostgresStore
  readonly clients: readonly RegisteredClient[]
  readonly users: readonly TestUser[]
  /** For sessions without the cost of a login. */
  readonly seeds: Seeds
  readonly door: Door
  readonly history: History
  /** What went wrong beside requests: a node that ended by itself. */
  readonly incidents: string[]
  /** For `Node.start`: a build with failpoints in it. */
  readonly failpoints: Build
  /** Families in which a known double fault was provoked (check-history.ts). */
  readonly doubleFaults: Set<string>
  close(): Promise<void>
}

export interface WorldOptions {
  readonly topology: Topology
  readonly nodes: number
  readonly build: Build
  /** With every failpoint in it. */
  readonly failpoints: Build
  /** Its own; removed by whoever made it. */
  readonly directory: string
}

/** Starts a deployment. What has started is stopped again when the rest cannot be. */
export async function startWorld(options: WorldOptions): Promise<World> {
  const { topology, nodes: count, build, failpoints, directory } = options
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
    const [postgres, redis, sentinel, cluster] = await Promise.all([
      opened(openPostgresStore()),
      topology === 'standalone' ? opened(openRedisStore()) : undefined,
      topology === 'sentinel' ? opened(closable(startSentinel())) : undefined,
      topology === 'cluster' ? opened(closable(startCluster({ replicas: true }))) : undefined,
    ])
    const keys = join(directory, 'keys')
    mkdirSync(keys, { recursive: true })
    const sealingKey = await createSealingKey(keys)
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
      // Sentinels and clusters say themselves where to go, so that there is no link on the way.
      const redisUrl = redisLink ? `redis://127.0.0.1:${redisLink.port}` : (sentinel ?? cluster)?.url
      const node: Node = await opened(
        makeNode({
          name,
          build,
          directory,
          environment: {
            KEYTURN_ISSUER: ISSUER,
            KEYTURN_KEYS_DIR: keys,
            KEYTURN_DATABASE_URL: `postgres://postgres@127.0.0.1:${postgresLink.port}/postgres`,
            ...(redisUrl && { KEYTURN_REDIS_URL: redisUrl }),
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
    for (const node of nodes)
      if (!node.isRunning()) throw new Error(`${node.name} did not start:\n${node.output()}`)
    const seeds = await openSeeds({ database: postgres.database, sealingKey, clients, users })

    const history = makeHistory()
    const door = makeDoor(
      nodes.map(({ origin }) => origin),
      history,
    )
    return {
      ...{ topology, nodes, redisLinks, postgresLinks, postgres, redis, sentinel, cluster },
      ...{ clients, users, seeds, door, history, incidents, close },
      failpoints,
      doubleFaults: new Set(),
    }
  } catch (error) {
    await close()
    throw error
  }
}

async function closable<T extends { stop(): Promise<void> }>(starting: Promise<T>) {
  const running = await starting
  return { ...running, close: running.stop }
}
