/** What to do about a Redis that does not do its work, by the first word of its error replies. */
const ADVICE: Readonly<Record<string, string>> = {
  NOPERM: 'permit its user +eval +evalsha +hmget +hset +del +pexpire +unlink +info +cluster on ~rt:*',
  NOAUTH: 'put a user and a password into KEYTURN_REDIS_URL',
  WRONGPASS: 'put the present password into KEYTURN_REDIS_URL',
  OOM: 'raise maxmemory, or keep other data elsewhere',
  MISCONF: 'it cannot write to its disk: make room there',
  NOREPLICAS: 'see why fewer replicas than min-replicas-to-write are connected',
  READONLY: 'it is a replica: point KEYTURN_REDIS_URL at the primary, or at the sentinels',
  BUSY: 'it is busy with the script of another program: end that with SCRIPT KILL',
  LOADING: 'it still loads its data: wait',
  hangs: 'see what keeps it: a slow command, swapping, its host, the network',
  unreachable: 'see that it runs and that nothing on the way closes the connection',
  CLUSTERDOWN: 'some slots have no server: see CLUSTER INFO',
}

/** One sentence for an operator. */
export function adviceOn(code: string): string {
  return ADVICE[code] ?? 'run keyturn doctor, and see its log: Redis 7 or later is needed'
}
