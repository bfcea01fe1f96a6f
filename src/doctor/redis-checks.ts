import { type CheckResult, type Finding, fail, ok, skipped, warn } from './check.ts'

/** What Redis says of itself. */
export interface RedisFacts {
  /** The fields of INFO; empty where we are not allowed to ask. */
  readonly info: ReadonlyMap<string, string>
  /** The settings of CONFIG GET; empty where we are not allowed to ask, or the command does not exist. */
  readonly settings: ReadonlyMap<string, string>
  /** What the first sentinel that answers says of the primary, and how many of those in the URL answer. */
  readonly sentinel?: {
    readonly says: ReadonlyMap<string, string>
    readonly answering: number
    readonly named: number
  }
  /** The fields of CLUSTER INFO, and each server that has slots. */
  readonly cluster?: {
    readonly state: ReadonlyMap<string, string>
    readonly masters: readonly {
      readonly name: string
      readonly facts: RedisFacts | { readonly reason: string }
    }[]
  }
}

/** Scripts that begin with `#!lua` exist since 7.0: they are refused as a whole when memory is full. */
const OLDEST_MAJOR = 7
/** From here on there is time to act before writes are refused. */
const MEMORY_WARN_PERCENT = 70
const MEMORY_FAIL_PERCENT = 95
const SLOTS = 16_384
const LEAST_SENTINELS = 3
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
  const { sentinel, cluster } = facts
  if (cluster) {
    const ofMasters = cluster.masters.flatMap(({ name, facts: found }) =>
      redisChecks(found).map((result) => ({ ...result, check: `${result.check} (${name})` })),
    )
    return [{ check: 'redis cluster', ...slots(cluster.state) }, ...ofMasters]
  }
  return [
    { check: 'redis', ...writable(facts) },
    ...(sentinel ? [{ check: 'redis sentinels', ...sentinels(sentinel) }] : []),
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

function slots(state: ReadonlyMap<string, string>): Finding {
  const served = Number(state.get('cluster_slots_ok') ?? 0)
  const found = `cluster_state ${state.get('cluster_state')}, ${served} of ${SLOTS} slots served`
  if (state.get('cluster_state') === 'ok' && served === SLOTS) return ok(found)
  return fail(found, 'see CLUSTER NODES: families in slots that nobody serves are refreshed on PostgreSQL')
}

function sentinels({ says, answering, named }: NonNullable<RedisFacts['sentinel']>): Finding {
  const all = Number(says.get('num-other-sentinels') ?? 0) + 1
  const replicas = Number(says.get('num-slaves') ?? 0)
  const primary = `${says.get('ip')}:${says.get('port')}`
  const found = `primary ${primary}, ${replicas} replicas, ${all} sentinels; ${answering} of ${named} in the URL answer`
  if (says.get('flags')?.includes('down'))
    return fail(`${found}; the primary is down`, 'see the log of the sentinels')
  if (replicas === 0) return warn(found, 'add a replica: nobody can take over')
  if (all < LEAST_SENTINELS)
    return warn(found, 'run three sentinels: fewer cannot agree when one machine is lost')
  return answering < named
    ? warn(found, 'start those that do not answer, or take them out of the URL')
    : ok(found)
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

function replicas({ info, settings, sentinel }: RedisFacts): Finding {
  const connected = info.get('connected_slaves')
  const required = settings.get('min-replicas-to-write')
  if (connected === undefined) return skipped(FORBIDDEN)
  if (connected === '0') return ok('none')
  const bound =
    required === undefined
      ? 'not permitted to look at min-replicas-to-write'
      : `min-replicas-to-write ${required}`
  if (sentinel && required === '0') {
    return warn(
      `${connected}, ${bound}: a primary that was cut off keeps taking writes that will be lost`,
      'set min-replicas-to-write 1 and min-replicas-max-lag 10',
    )
  }
  return ok(`${connected}, ${bound}`)
}

function megabytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`
}
