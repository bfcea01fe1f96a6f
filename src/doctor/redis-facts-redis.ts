import { Redis } from 'ioredis'
import { parseRedisUrl, type RedisAddress } from '../redis/redis-url.ts'
import type { RedisFacts } from './redis-checks.ts'

/** Somebody waits at a terminal: longer than a request would wait, and still no long time. */
const TIMEOUT_MS = 3000
const SETTINGS = ['maxmemory', 'maxmemory-policy', 'appendonly', 'appendfsync', 'min-replicas-to-write']

/**
 * Asks Redis, with connections that are tried once: the server; or the sentinels and the primary that they name; or a
 * cluster and each of its masters.
 * @throws Error with the reason where it cannot be reached, or does not let us in
 */
export async function lookAtRedis(url: string): Promise<RedisFacts> {
  const address = parseRedisUrl(url)
  const { username, password } = address
  if (address.topology === 'sentinel') return lookBySentinel(address)
  const [first] = address.nodes
  if (address.topology === 'standalone' && first) {
    return ask(address, { ...first, username, password }, lookAtServer)
  }
  const { state, masters } = await firstOf(address.nodes, (node) =>
    ask(address, { ...node, username, password }, async (redis) => ({
      state: parseInfo(String(await redis.cluster('INFO'))),
      masters: mastersOf(await redis.cluster('SLOTS'), node.host),
    })),
  )
  const looks = masters.map(async ({ host, port }) => ({
    name: `${host}:${port}`,
    facts: await ask(address, { host, port, username, password }, lookAtServer).catch((error: Error) => ({
      reason: error.message,
    })),
  }))
  return { info: new Map(), settings: new Map(), cluster: { state, masters: await Promise.all(looks) } }
}

async function lookBySentinel(address: RedisAddress): Promise<RedisFacts> {
  const { username, password, sentinelUsername, sentinelPassword } = address
  const asked = await Promise.allSettled(
    address.nodes.map((node) =>
      ask(address, { ...node, username: sentinelUsername, password: sentinelPassword }, async (sentinel) =>
        pairs(await sentinel.call('SENTINEL', 'MASTER', address.primaryName ?? '')),
      ),
    ),
  )
  const answers = asked.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
  const [says] = answers
  if (says === undefined) throw asked.find((answer) => answer.status === 'rejected')?.reason
  const primary = { host: says.get('ip') ?? '', port: Number(says.get('port')), username, password }
  const facts = await ask(address, primary, lookAtServer)
  return { ...facts, sentinel: { says, answering: answers.length, named: address.nodes.length } }
}

async function lookAtServer(redis: Redis): Promise<RedisFacts> {
  await redis.ping()
  const info = await redis.info().catch(unlessForbidden)
  const settings = await redis.config('GET', ...(SETTINGS as [string])).catch(unlessForbidden)
  return { info: parseInfo(String(info ?? '')), settings: pairs(settings) }
}

interface Server {
  readonly host: string
  readonly port: number
  readonly username: string | undefined
  readonly password: string | undefined
}

async function ask<T>(
  { isTls, topology, database }: RedisAddress,
  server: Server,
  look: (redis: Redis) => Promise<T>,
) {
  const { host, port, username, password } = server
  const redis = new Redis({
    host,
    port,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(isTls ? { tls: {} } : {}),
    ...(topology === 'standalone' ? { db: database } : {}),
    protocol: 2,
    lazyConnect: true,
    // It would ask INFO, which may be forbidden, and say so on stderr; a server that still loads refuses the first question.
    enableReadyCheck: false,
    connectTimeout: TIMEOUT_MS,
    commandTimeout: TIMEOUT_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  })
  let reason: Error | undefined
  redis.on('error', (error: Error) => {
    reason ??= error
  })
  try {
    await redis.connect()
    return await look(redis)
  } catch (error) {
    throw reason ?? error
  } finally {
    redis.disconnect()
  }
}

async function firstOf<T, R>(all: readonly T[], attempt: (one: T) => Promise<R>): Promise<R> {
  let reason: unknown
  for (const one of all) {
    try {
      return await attempt(one)
    } catch (error) {
      reason ??= error
    }
  }
  throw reason
}

/** Who serves slots, by CLUSTER SLOTS; a node that does not know its own address says none. */
function mastersOf(reply: unknown, asked: string): { host: string; port: number }[] {
  const found = new Map<string, { host: string; port: number }>()
  for (const [, , master] of reply as [number, number, [string | null, number]][]) {
    const host = master[0] || asked
    found.set(`${host}:${master[1]}`, { host, port: master[1] })
  }
  return [...found.values()]
}

/** An ACL that does not permit the question, or a provider that has removed the command. */
function unlessForbidden(error: Error): undefined {
  if (!/^NOPERM|unknown command/i.test(error.message)) throw error
}

function parseInfo(text: string): Map<string, string> {
  const lines = text.split('\r\n').filter((line) => line.includes(':'))
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]))
}

function pairs(reply: unknown): Map<string, string> {
  const flat = Array.isArray(reply) ? reply.map(String) : []
  const found = new Map<string, string>()
  for (let index = 0; index + 1 < flat.length; index += 2) found.set(flat[index] ?? '', flat[index + 1] ?? '')
  return found
}
