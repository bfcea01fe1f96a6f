import { Redis } from 'ioredis'
import type { RedisFacts } from './redis-checks.ts'

/** Somebody waits at a terminal: longer than a request would wait, and still no long time. */
const TIMEOUT_MS = 3000
const SETTINGS = ['maxmemory', 'maxmemory-policy', 'appendonly', 'appendfsync', 'min-replicas-to-write']

/**
 * Asks Redis, with one connection that is tried once.
 * @throws Error with the reason where it cannot be reached, or does not let us in
 */
export async function lookAtRedis(url: string): Promise<RedisFacts> {
  const redis = new Redis(url, {
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
    await redis.ping()
    const info = await redis.info().catch(unlessForbidden)
    const settings = await redis.config('GET', ...(SETTINGS as [string])).catch(unlessForbidden)
    return { info: parseInfo(String(info ?? '')), settings: pairs(settings) }
  } catch (error) {
    throw reason ?? error
  } finally {
    redis.disconnect()
  }
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
