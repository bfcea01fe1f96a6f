import type { Logger } from '../telemetry/logger.ts'
import type { PartStatus } from '../telemetry/readiness.ts'
import type { Database } from './database.ts'
import { pendingMigrations } from './migrate.ts'

/** How often the database is asked whether it is there. */
const PERIOD_MS = 2000

/** Whether the database answers, can be written to and has our schema, as of the last look. */
export interface DatabaseWatch {
  status(): PartStatus
  /** Looks now, and every two seconds from then on. */
  start(): Promise<void>
  stop(): void
}

/**
 * Watches the database in the background, so that readiness can answer from memory.
 * @param onReturn what to do when it is ready after it was not: whoever waits for it need not wait longer
 */
export function watchDatabase(database: Database, logger: Logger, onReturn: () => void): DatabaseWatch {
  let status: PartStatus | undefined
  let hasSchema = false
  let looking: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined

  async function found(): Promise<PartStatus> {
    const [settings] = await database.query<{ read_only: string }>(
      "select current_setting('transaction_read_only') as read_only",
    )
    if (settings?.read_only === 'on') return { ready: false, reason: 'read-only: a standby, or out of disk' }
    const pending = hasSchema ? [] : await pendingMigrations(database)
    hasSchema = pending.length === 0
    if (hasSchema) return { ready: true }
    return { ready: false, reason: `the schema lacks ${pending.join(', ')}: run keyturn migrate` }
  }

  async function look(): Promise<void> {
    const before = status
    status = await found().catch((error): PartStatus => {
      if (before?.ready) logger.warn({ err: error }, 'postgres does not answer')
      return { ready: false, reason: 'no answer' }
    })
    if (before?.ready === false && status.ready) {
      logger.info({}, 'postgres is ready')
      onReturn()
    }
  }

  /** One look at a time: against a database that hangs they would pile up. */
  function lookOnce(): Promise<void> {
    looking ??= look().finally(() => {
      looking = undefined
    })
    return looking
  }

  return {
    status: () => status ?? { ready: false, reason: 'not asked yet' },
    async start() {
      await lookOnce()
      timer = setInterval(lookOnce, PERIOD_MS)
      timer.unref()
    },
    stop: () => clearInterval(timer),
  }
}
