import type { Redis } from 'ioredis'
import type { Database } from '../../src/postgres/database.ts'

/** Every token, secret and password that the run's tests have used or been given. */
const used = new Set<string>()

/** The form fields and answer members whose values are secrets. */
const SECRET_NAMES = [
  'password',
  'client_secret',
  'access_token',
  'refresh_token',
  'access',
  'refresh',
  'token',
] as const
/** Shorter values would be found anywhere. */
const SHORTEST = 8

/** Remembers whatever is secret among these names and values. */
export function noteSecrets(values: Readonly<Record<string, unknown>>): void {
  for (const name of SECRET_NAMES) noteSecret(values[name])
}

/** Remembers one secret. */
export function noteSecret(value: unknown): void {
  if (typeof value === 'string' && value.length >= SHORTEST) used.add(value)
}

/**
 * Which of the run's secrets can be read in a dump: as they are, in hex or in base64. Of a refresh token the mac alone
 * counts too, and of an access token its signature: the rest is not secret.
 */
export function secretsIn(dump: string): string[] {
  const lower = dump.toLowerCase()
  return [...used].filter((secret) => {
    return [secret, ...essence(secret)].some((part) => {
      const bytes = Buffer.from(part, 'utf8')
      return (
        dump.includes(part) ||
        lower.includes(bytes.toString('hex')) ||
        dump.includes(bytes.toString('base64'))
      )
    })
  })
}

/** The part of a token that makes it one, as text and as the hex that a bytea column would show. */
function essence(secret: string): string[] {
  if (secret.startsWith('rt1.') && secret.length === 92) {
    const mac = Buffer.from(secret.slice(4), 'base64url').subarray(22, 54)
    return [mac.toString('hex'), mac.toString('base64'), mac.toString('base64url')]
  }
  if (secret.startsWith('eyJ') && secret.split('.').length === 3)
    return [secret.slice(secret.lastIndexOf('.') + 1)]
  return []
}

/** Everything that all tables of a database hold, as text. */
export async function dumpPostgres(database: Database): Promise<string> {
  const tables = await database.query<{ name: string }>(
    "select quote_ident(tablename) as name from pg_tables where schemaname = 'public'",
  )
  const dumps: string[] = []
  for (const { name } of tables) {
    const [row] = await database.query<{ rows: string | null }>(
      `select string_agg(t::text, E'\\n') as rows from ${name} t`,
    )
    dumps.push(`-- ${name}\n${row?.rows ?? ''}`)
  }
  return dumps.join('\n')
}

/** Everything that a Redis database holds: names and values. (What DUMP or an RDB file shows may be compressed.) */
export async function dumpRedis(redis: Redis): Promise<string> {
  const dumps: string[] = []
  for (const key of await redis.keys('*')) {
    const type = await redis.type(key)
    const read = { string: () => redis.get(key), hash: () => redis.hgetall(key) }[type]
    if (read === undefined) throw new Error(`the search for secrets cannot read a Redis ${type} yet`)
    dumps.push(key, JSON.stringify(await read()))
  }
  return dumps.join('\n')
}
