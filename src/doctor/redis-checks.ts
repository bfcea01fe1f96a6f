import { type CheckResult, type Finding, fail, ok, skipped, warn } from './check.ts'

/** What Redis says of itself. */
export interface RedisFacts {
  /** The fields of INFO; empty where we are not allowed to ask. */
  readonly info: ReadonlyMap<string, string>
  /** The settings of CONFIG GET; empty where we are not allowed to ask, or the command does not exist. */
  readonly settings: ReadonlyMap<string, string>
}

/** Scripts that begin with `#!lua` exist since 7.0: they are refused as a whole when memory is full. */
const OLDEST_MAJOR = 7
/** From here on there is time to act before writes are refused. */
const MEMORY_WARN_PERCENT = 70
const MEMORY_FAIL_PERCENT = 95
const FORBIDDEN = 'not permitted to look: the ACL of this user forbids INFO and CONFIG GET'

/**
 * Redis: whether it keeps what it is told. PostgreSQL has the record, so nothing is lost for good where it does not;
 * but each loss is paid for with slower answers and detected later.
 * @param facts or why it could not be asked
 */
export function redisChecks(facts: RedisFacts | { readonly reason: string }): CheckResult[] {
  if ('reason' in facts) {
    const advice =
      'see that Redis runs and that KEYTURN_REDIS_URL leads to it; refreshing uses PostgreSQL meanwhile'
    return [{ check: 'redis', ...fail(facts.reason, advice) }]
  }
  return [
    { check: 'redis', ...writable(facts) },
    { check: 'redis version', ...version(facts) },
    { check: 'redis eviction', ...eviction(facts) },
    { check: 'redis memory', ...memory(facts) },
    { check: 'redis persistence', ...persistence(facts) },
    { check: 'redis replicas', ...replicas(facts) },
  ]
}

function writable({ info }: RedisFacts): Finding {
  if (info.get('role') !== 'slave') return ok('it answers')
  return fail('it is a replica, which refuses writes', 'point KEYTURN_REDIS_URL at the primary')
}

function version({ info }: RedisFacts): Finding {
  const found = info.get('redis_version')
  if (found === undefined) return skipped(FORBIDDEN)
  if (Number.parseInt(found, 10) >= OLDEST_MAJOR) return ok(found)
  return fail(found, `upgrade to Redis ${OLDEST_MAJOR}.0 or later`)
}

function eviction({ info, settings }: RedisFacts): Finding {
  const policy = settings.get('maxmemory-policy') ?? info.get('maxmemory_policy')
  if (policy === undefined) return skipped(FORBIDDEN)
  if (policy === 'noeviction') return ok(policy)
  return fail(
    `maxmemory-policy is ${policy}: under pressure it throws refresh families away`,
    'set maxmemory-policy noeviction, and keep caches in another Redis',
  )
}

function memory({ info, settings }: RedisFacts): Finding {
  const most = Number(settings.get('maxmemory') ?? info.get('maxmemory'))
  const used = Number(info.get('used_memory'))
  if (Number.isNaN(most) || Number.isNaN(used)) return skipped(FORBIDDEN)
  if (most === 0) return ok(`${megabytes(used)} used, no limit set`)
  const percent = Math.round((used / most) * 100)
  const found = `${megabytes(used)} of ${megabytes(most)} used (${percent} %)`
  const advice = 'raise maxmemory: when it is full, writes are refused and refreshing uses PostgreSQL'
  if (percent >= MEMORY_FAIL_PERCENT) return fail(found, advice)
  return percent >= MEMORY_WARN_PERCENT ? warn(found, advice) : ok(found)
}

function persistence({ info, settings }: RedisFacts): Finding {
  const appends = settings.get('appendonly') ?? { 0: 'no', 1: 'yes' }[info.get('aof_enabled') ?? '']
  const fsync = settings.get('appendfsync')
  if (appends === undefined) return skipped(FORBIDDEN)
  const found = `appendonly ${appends}${fsync === undefined ? '' : `, appendfsync ${fsync}`}`
  const advice = 'set appendonly yes and appendfsync everysec'
  if (appends !== 'yes')
    return warn(`${found}: a restart forgets every family, and each is rebuilt from PostgreSQL`, advice)
  if (fsync === 'no') return warn(`${found}: a power cut loses more than a second`, advice)
  return ok(found)
}

function replicas({ info, settings }: RedisFacts): Finding {
  const connected = info.get('connected_slaves')
  const required = settings.get('min-replicas-to-write')
  if (connected === undefined) return skipped(FORBIDDEN)
  if (connected === '0') return ok('none')
  const bound =
    required === undefined
      ? 'not permitted to look at min-replicas-to-write'
      : `min-replicas-to-write ${required}`
  return ok(`${connected}, ${bound}`)
}

function megabytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`
}
