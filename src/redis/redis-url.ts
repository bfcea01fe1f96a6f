/** Where Redis is and how to be let in, as KEYTURN_REDIS_URL says it. */
export interface RedisAddress {
  readonly topology: 'standalone' | 'sentinel' | 'cluster'
  readonly isTls: boolean
  /** The server; or the sentinels; or some nodes of the cluster, which name the rest. */
  readonly nodes: readonly { readonly host: string; readonly port: number }[]
  readonly username: string | undefined
  readonly password: string | undefined
  /** 0 in a cluster. */
  readonly database: number
  /** What the sentinels call the primary; only with Sentinel. */
  readonly primaryName: string | undefined
  readonly sentinelUsername: string | undefined
  readonly sentinelPassword: string | undefined
}

/** The URL is wrong. The message ends the sentence "KEYTURN_REDIS_URL …" and shows nothing of the URL. */
class RedisUrlProblem extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'RedisUrlProblem'
  }
}

const FORMS =
  'must be a URL such as redis://host:6379, redis+sentinel://host1:26379,host2:26379/NAME or redis+cluster://host1:6379,host2:6379'
/** scheme, topology, who, hosts, path, query: no URL parser takes several hosts. */
const SHAPE = /^(rediss?)(?:\+(sentinel|cluster))?:\/\/(?:([^/?#]*)@)?([^/?#@]*)(\/[^?#@]*)?(?:\?([^#]*))?$/
const HOST = /^(?:\[([\da-fA-F:.]+)\]|([\w.-]+))(?::(\d{1,5}))?$/
const DEFAULT_PORT = 6379
const DEFAULT_SENTINEL_PORT = 26_379
const SENTINEL_PARAMETERS = ['sentinel_username', 'sentinel_password']

/**
 * Reads `redis://`, `redis+sentinel://` and `redis+cluster://`, each with `rediss` for TLS. Names and passwords are
 * percent-encoded (RFC 3986 §3.2.1).
 * @throws RedisUrlProblem
 */
export function parseRedisUrl(text: string): RedisAddress {
  const [, scheme, kind, who, hosts = '', path = '', query = ''] = SHAPE.exec(text) ?? []
  if (scheme === undefined)
    throw new RedisUrlProblem(`${FORMS}; in a password, / ? # @ % are percent-encoded`)
  const topology = kind === 'sentinel' || kind === 'cluster' ? kind : 'standalone'
  const nodes = hosts.split(',').map((host) => parseHost(host, topology))
  if (topology === 'standalone' && nodes.length > 1) {
    throw new RedisUrlProblem('names several hosts: write redis+sentinel:// or redis+cluster://')
  }
  const segments = path.split('/').slice(1).map(decoded)
  if (segments.at(-1) === '') segments.pop()
  const primaryName = topology === 'sentinel' ? segments.shift() : undefined
  if (topology === 'sentinel' && !primaryName) {
    throw new RedisUrlProblem('must name the primary after the sentinels: redis+sentinel://host:26379/NAME')
  }
  const database = parseDatabase(segments)
  if (topology === 'cluster' && database !== 0)
    throw new RedisUrlProblem('names a database: a cluster has none')
  const parameters = parseQuery(query, topology)
  return {
    topology,
    isTls: scheme === 'rediss',
    nodes,
    ...credentials(who),
    database,
    primaryName,
    sentinelUsername: parameters.get('sentinel_username') || undefined,
    sentinelPassword: parameters.get('sentinel_password') || undefined,
  }
}

/** What is wrong with the URL, or undefined. */
export function redisUrlProblem(text: string): string | undefined {
  try {
    parseRedisUrl(text)
    return undefined
  } catch (error) {
    return error instanceof RedisUrlProblem ? error.message : 'is wrong'
  }
}

function parseHost(text: string, topology: RedisAddress['topology']): RedisAddress['nodes'][number] {
  const match = HOST.exec(text)
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3] ?? (topology === 'sentinel' ? DEFAULT_SENTINEL_PORT : DEFAULT_PORT))
  if (host === undefined || port < 1 || port > 65_535) {
    throw new RedisUrlProblem(
      'must have host or host:port, several of them comma-separated, IPv6 in brackets',
    )
  }
  return { host, port }
}

/** `user:password`, `:password`, or nothing. */
function credentials(who: string | undefined) {
  if (who === undefined) return { username: undefined, password: undefined }
  const colon = who.indexOf(':')
  const [username, password] = colon < 0 ? [who, ''] : [who.slice(0, colon), who.slice(colon + 1)]
  if (username !== '' && password === '') throw new RedisUrlProblem('has a user without a password')
  return { username: decoded(username) || undefined, password: decoded(password) || undefined }
}

function parseDatabase(segments: readonly string[]): number {
  const [text = '0', ...rest] = segments
  if (rest.length > 0 || !/^\d{1,5}$/.test(text)) {
    throw new RedisUrlProblem('must end with the number of a database, or nothing')
  }
  return Number(text)
}

function parseQuery(query: string, topology: RedisAddress['topology']): URLSearchParams {
  const parameters = new URLSearchParams(query.replaceAll('+', '%2B'))
  const known = topology === 'sentinel' ? SENTINEL_PARAMETERS : []
  if ([...parameters.keys()].every((name) => known.includes(name))) return parameters
  const what = known.length > 0 ? `${known.join(' and ')} alone` : 'none'
  throw new RedisUrlProblem(`has a query parameter that is not known: there may be ${what}`)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new RedisUrlProblem('has a % that begins no percent-encoded character: write %25 for %')
  }
}
