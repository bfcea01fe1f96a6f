import { systemClock } from '../clock.ts'
import type { Config } from '../config.ts'
import type { OperationName } from '../operations.ts'
import type { Hasher } from '../passwords/hasher.ts'
import type { Database } from '../postgres/database.ts'
import { Refusal } from '../refusal.ts'
import type { Logger } from '../telemetry/logger.ts'

/** How long a command waits for another that has the data directory; a start, a stop or a command takes less. */
const BUSY_MS = 15_000
const BUSY_EVERY_MS = 250

/** The way from a command to the data. */
export interface Reach {
  /**
   * Has an operation done and returns its answer as plain data: it has gone through JSON.
   * @throws Refusal, Unavailable, SealingKeyProblem as the operation does
   */
  ask(operation: OperationName, input: object): Promise<unknown>
  close(): Promise<void>
}

/** Where there is a database server, the command works on it directly. Connects when it is first used. */
export async function reachServer(config: Config & { databaseUrl: string }, logger: Logger): Promise<Reach> {
  const { openDatabase } = await import('../postgres/database.ts')
  const { serverSettings } = await import('../postgres/server-settings.ts')
  return direct(openDatabase(serverSettings(config.databaseUrl)), config, logger)
}

/**
 * Embedded, the data has one owner: the running process, which is asked through its socket, or, where none runs, this
 * command for as long as it takes. Where somebody holds the data and does not answer (it starts, stops, or is another
 * command), it is asked again for some seconds.
 */
export function reachEmbedded(config: Config, logger: Logger): Reach {
  let own: Reach | undefined
  return {
    async ask(operation, input) {
      if (own === undefined) {
        const reached = await askOrOpen(config, logger, operation, input)
        if ('answer' in reached) return reached.answer
        own = reached.opened
      }
      return own.ask(operation, input)
    },
    close: async () => own?.close(),
  }
}

/** @throws Refusal `keyturn_busy` when somebody has the data and does not answer for all that time */
async function askOrOpen(
  config: Config,
  logger: Logger,
  operation: OperationName,
  input: object,
): Promise<{ answer: unknown } | { opened: Reach }> {
  const until = systemClock.now().getTime() + BUSY_MS
  for (let hasSaid = false; ; hasSaid = true) {
    const asked = await askRunning(config, operation, input)
    if (asked !== undefined) return asked
    const opened = await openDirectory(config, logger)
    if (opened !== undefined) return { opened }
    if (systemClock.now().getTime() > until) {
      throw new Refusal(
        'keyturn_busy',
        `a process holds ${config.dataDirectory} and does not answer: it starts, stops, or is another command. Try again in a moment`,
      )
    }
    if (!hasSaid) process.stderr.write(`waiting for the process that holds ${config.dataDirectory} …\n`)
    await systemClock.wait(BUSY_EVERY_MS)
  }
}

/** Asks the running process; undefined where none runs. */
async function askRunning(
  config: Config,
  operation: OperationName,
  input: object,
): Promise<{ answer: unknown } | undefined> {
  const { callControl, NotRunning } = await import('../control/control-client.ts')
  const { controlSocketPath } = await import('../control/control-socket-path.ts')
  const path = controlSocketPath(config.dataDirectory, config.runtimeDirectory)
  try {
    return { answer: await callControl(path, operation, input) }
  } catch (error) {
    if (error instanceof NotRunning) return undefined
    throw error
  }
}

/** Takes the data directory; undefined where another process has it. */
async function openDirectory(config: Config, logger: Logger): Promise<Reach | undefined> {
  const { openStores } = await import('../stores.ts')
  try {
    const stores = await openStores(config, logger)
    return await direct(stores.database, config, logger, stores.close)
  } catch (error) {
    if (error instanceof Refusal && error.code === 'data_directory_in_use') return undefined
    throw error
  }
}

async function direct(
  database: Database,
  config: Config,
  logger: Logger,
  closeStores: () => Promise<void> = database.close,
): Promise<Reach> {
  const { buildAdministration } = await import('../administration.ts')
  const { runOperation } = await import('../operations.ts')
  const { startHasher } = await import('../passwords/hasher.ts')
  const { keySchedule } = await import('../keys/schedule.ts')
  const { openSealingKey } = await import('../keys/sealing-key-source.ts')
  let hasher: Hasher | undefined
  // A process is started for the first password, so most commands start none.
  const lazyHasher: Hasher = {
    hash: (password) => started().hash(password),
    verify: (password, stored, noteStart) => started().verify(password, stored, noteStart),
    stats: () => started().stats(),
    close: async () => hasher?.close(),
  }
  function started(): Hasher {
    hasher ??= startHasher({ concurrency: 1, clock: systemClock, logger })
    return hasher
  }
  const administration = buildAdministration({
    config,
    logger,
    database,
    hasher: () => lazyHasher,
    sealingKey: () => openSealingKey(config, { clock: systemClock, logger }),
    schedule: keySchedule({
      rotationPeriodSeconds: config.keyRotationPeriodSeconds,
      jwksMaxAgeSeconds: config.jwksMaxAgeSeconds,
    }),
    clock: systemClock,
  })
  return {
    async ask(operation, input) {
      try {
        return JSON.parse(JSON.stringify((await runOperation(operation, administration, input)) ?? null))
      } catch (error) {
        throw await explain(error, database)
      }
    },
    async close() {
      await hasher?.close()
      await closeStores()
    },
  }
}

/** A database that lacks our tables answers with errors that name them: say what is missing instead. */
async function explain(error: unknown, database: Database): Promise<unknown> {
  if (error instanceof Refusal) return error
  const { pendingMigrations } = await import('../postgres/migrate.ts')
  const pending = await pendingMigrations(database).catch(() => [])
  if (pending.length === 0) return error
  return new Refusal('schema_outdated', `the schema lacks ${pending.join(', ')}: run keyturn migrate`)
}
