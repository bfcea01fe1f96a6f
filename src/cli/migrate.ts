import type { Command } from 'commander'
import type { Config } from '../config.ts'
import { Refusal } from '../refusal.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Answer } from './answer.ts'
import { addCommand, type Run } from './command.ts'

/** `keyturn migrate`. */
export function addMigrateCommand(program: Command, run: Run): void {
  addCommand(
    program,
    'migrate',
    'bring the schema of the database up to date; embedded, each start does so by itself',
    'KEYTURN_DATABASE_URL=postgres://keyturn@db/keyturn keyturn migrate',
  ).action(() =>
    run(({ config, logger }) =>
      config.databaseUrl === undefined ? migrateEmbedded(config, logger) : migrateServer(config.databaseUrl),
    ),
  )
}

async function migrateServer(databaseUrl: string): Promise<Answer> {
  const { serverSettings } = await import('../postgres/server-settings.ts')
  const { migrate } = await import('../postgres/migrate.ts')
  const settings = serverSettings(databaseUrl)
  // A migration may rewrite a large table, and waits while another node migrates: only connecting is given up.
  const applied = await migrate({
    ...settings,
    statement_timeout: 0,
    query_timeout: 0,
    idle_in_transaction_session_timeout: 0,
  })
  const text = applied.length === 0 ? 'The schema is up to date.' : `Applied ${applied.join(', ')}.`
  return { data: { applied }, text }
}

/** `applied` is null: what a start did by itself is not known. */
async function migrateEmbedded(config: Config, logger: Logger): Promise<Answer> {
  const { openStores } = await import('../stores.ts')
  const text = 'The schema is up to date. Embedded, each start sees to that by itself.'
  try {
    const stores = await openStores(config, logger)
    await stores.close()
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'data_directory_in_use') throw error
    return { data: { applied: null }, text: `${text} A process that did so is running.` }
  }
  return { data: { applied: null }, text }
}
