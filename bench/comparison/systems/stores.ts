import { startPostgres } from '../../../test/support/postgres-server.ts'
import { startRedis } from '../../../test/support/redis-server.ts'
import type { RunningServer } from '../../../test/support/running-server.ts'

/**
 * As PostgreSQL comes: a commit waits for the disk. What waits takes no CPU, so the figures hold on quicker disks, too.
 */
const POSTGRES_SETTINGS = {
  fsync: 'on',
  full_page_writes: 'on',
  synchronous_commit: 'on',
  shared_buffers: '128MB',
}

/** A PostgreSQL for one system alone, so that its CPU is that system's. */
export function startOwnPostgres(): Promise<RunningServer> {
  return startPostgres({ settings: POSTGRES_SETTINGS })
}

/** A Redis for one system alone. It keeps nothing on disk, for nobody: in that it favours who keeps all in it. */
export function startOwnRedis(): Promise<RunningServer> {
  return startRedis()
}
