import type { Logger } from '../telemetry/logger.ts'
import type { PartStatus } from '../telemetry/readiness.ts'
import type { Database } from './database.ts'
import { pendingMigrations } from './migrate.ts'

/** How often the database is asked whether it is there. */
const PERIOD_MS = 2000

/** Whether the database answers and has our schema, as of the last look. */
export interface DatabaseWatch {
  status(): PartStatus
  /** Looks now. */
  look(): Promise<void>
  stop(): void
}

/** Watches the database in the background, so that readiness can answer from memory. */
export function watchDatabase(database: Database, logger: Logger): DatabaseWatch {
  let status: PartStatus = { ready: false, reason: 'not asked yet' }
  let isCurrent = false

  async function look(): Promise<void> {
    const before = status.ready
    try {
      if (isCurrent) await database.query('select 1')
      else {
        const pending = await pendingMigrations(database)
        isCurrent = pending.length === 0
        status = { ready: false, reason: `the schema lacks ${pending.join(', ')}: run keyturn migrate` }
      }
      if (isCurrent) status = { ready: true }
    } catch (error) {
      status = { ready: false, reason: 'no answer' }
      if (before) logger.warn({ err: error }, 'postgres does not answer')
    }
    if (!before && status.ready) logger.info({}, 'postgres is ready')
  }

  let looking = false
  const timer = setInterval(() => {
    if (looking) return
    looking = true
    void look().finally(() => {
      looking = false
    })
  }, PERIOD_MS)
  timer.unref()

  return { status: () => status, look, stop: () => clearInterval(timer) }
}
