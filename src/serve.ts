import { type Administration, buildAdministration } from './administration.ts'
import { type App, buildApp } from './app.ts'
import { type Clock, systemClock } from './clock.ts'
import type { Config } from './config.ts'
import { listenControl } from './control/control-server.ts'
import { controlSocketPath } from './control/control-socket-path.ts'
import { type DemoAccounts, demoAccounts } from './demo.ts'
import { drain, listenOrExplain } from './drain.ts'
import { type KeySchedule, keySchedule } from './keys/schedule.ts'
import { type SealingKey, SealingKeyProblem } from './keys/sealing-key.ts'
import { createSealingKey } from './keys/sealing-key-file.ts'
import { openSealingKey } from './keys/sealing-key-source.ts'
import { OPERATION_NAMES, runOperation } from './operations.ts'
import { type Hasher, startHasher } from './passwords/hasher.ts'
import type { Database } from './postgres/database.ts'
import { openStores } from './stores.ts'
import type { Logger } from './telemetry/logger.ts'

/** How long a load balancer gets to see that we are no longer ready before we stop accepting connections. */
const NOTICE_MS = 2000

/** A Keyturn that answers requests. */
export interface RunningKeyturn {
  /** Only where the configuration asks for demo accounts. */
  readonly demo: DemoAccounts | undefined
  readonly administration: Administration
  /**
   * Finishes what is in flight, writes what waits, gives everything back.
   * @returns false when something could not be finished; the log says what
   */
  stop(): Promise<boolean>
}

/** What a test or a demonstration replaces; otherwise the machine's clock and production's durations. */
export interface ServeOptions {
  /** For one of several workers: somebody else hashes, and tells the metrics. */
  readonly worker?: { readonly hasher: Hasher; tellMetrics(metrics: App['metrics']): void }
  readonly clock?: Clock
  readonly schedule?: KeySchedule
}

/**
 * Starts the service that the configuration describes. A store that is down at start is no error: the service is not
 * ready until it is back.
 * @throws SealingKeyProblem where the sealing key is missing or wrong, Refusal where something else is in the way
 */
export async function serve(
  config: Config,
  logger: Logger,
  { clock = systemClock, schedule = scheduleOf(config), worker }: ServeOptions = {},
): Promise<RunningKeyturn> {
  const isEmbedded = config.mode === 'embedded'
  const readSealingKey = () => openSealingKey(config, { clock, logger })
  const early = isEmbedded ? undefined : await readSealingKey()
  const closing: (() => Promise<void> | void)[] = []
  const stop = async () => {
    const started = clock.now().getTime()
    let isFinished = true
    logger.info({}, 'stopping: what has arrived is finished first')
    for (const close of closing.splice(0).reverse()) {
      try {
        await close()
      } catch (error) {
        // Whatever is in the way of one part (a store that is down, say) is not in the way of the others.
        logger.error({ err: error }, 'something could not be finished')
        isFinished = false
      }
    }
    logger.info({ ms: clock.now().getTime() - started, isFinished }, 'stopped')
    return isFinished
  }

  try {
    const stores = await openStores(config, logger)
    closing.push(stores.close)
    const sealingKey = early ?? (await embeddedSealingKey(config, stores.database, readSealingKey))
    const hasher = worker?.hasher ?? startHasher({ concurrency: config.hashConcurrency, clock, logger })
    closing.push(hasher.close)
    const app = buildApp({ ...stores, config, hasher, sealingKey, schedule, clock, logger })
    closing.push(app.close)
    await app.start()

    const administration = buildAdministration({
      config,
      logger,
      database: stores.database,
      hasher: () => hasher,
      sealingKey: async () => sealingKey,
      schedule,
      clock,
    })
    const demo = config.demo ? await demoAccounts(config.dataDirectory, administration) : undefined
    if (isEmbedded) {
      const control = await openControl(config, administration, sealingKey, app.reloadKeys, logger)
      closing.push(control.close)
    }
    if (worker) worker.tellMetrics(app.metrics)
    else {
      await listenOrExplain(app.metricsServer, config.metricsPort, config.host, 'KEYTURN_METRICS_PORT')
      closing.push(() => drain(app.metricsServer))
    }
    await listenOrExplain(app.server, config.port, config.host, 'KEYTURN_PORT')
    closing.push(async () => {
      app.readiness.drain()
      if (!isEmbedded) await clock.wait(NOTICE_MS)
      await drain(app.server)
    })
    logger.info(
      { mode: config.mode, host: config.host, port: config.port, issuer: config.issuer },
      'listening',
    )
    return { demo, administration, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

function scheduleOf(config: Config): KeySchedule {
  return keySchedule({
    rotationPeriodSeconds: config.keyRotationPeriodSeconds,
    jwksMaxAgeSeconds: config.jwksMaxAgeSeconds,
  })
}

/** Embedded, the first start makes the sealing key; where something is sealed already, a new one would be no use. */
async function embeddedSealingKey(
  config: Config,
  database: Database,
  readSealingKey: () => Promise<SealingKey>,
): Promise<SealingKey> {
  try {
    return await readSealingKey()
  } catch (error) {
    const isMissing = error instanceof SealingKeyProblem && error.kind === 'missing'
    const sealed = await database.query(
      'select from signing_keys union all select from symmetric_keys limit 1',
    )
    if (!isMissing || sealed.length > 0) throw error
    await createSealingKey(config.keysDirectory)
    return readSealingKey()
  }
}

/** Lets the command line reach this process, since nobody else can open its database. */
function openControl(
  config: Config,
  administration: Administration,
  sealingKey: SealingKey,
  reloadKeys: () => Promise<void>,
  logger: Logger,
) {
  const operations = OPERATION_NAMES.map((name) => {
    const run = async (input: unknown) => {
      if (name === 'keys.reseal') {
        // This node says that it holds the new line, as any other would within a moment.
        await sealingKey.requireReread()
        await reloadKeys()
      }
      const result = await runOperation(name, administration, input)
      if (name.startsWith('keys.')) await reloadKeys()
      return result
    }
    return [name, run] as const
  })
  const path = controlSocketPath(config.dataDirectory, config.runtimeDirectory)
  return listenControl(path, Object.fromEntries(operations), logger)
}
