import { systemClock } from './clock.ts'
import type { Config } from './config.ts'
import { drain, listenOrExplain } from './drain.ts'
import { makeMetricsServer } from './http/metrics-server.ts'
import { openSealingKey } from './keys/sealing-key-source.ts'
import { startHasher } from './passwords/hasher.ts'
import { type RunningKeyturn, serve } from './serve.ts'
import type { Logger } from './telemetry/logger.ts'
import { workersMetrics } from './telemetry/workers-metrics.ts'
import { hasherOfPrimary } from './workers/hasher-of-primary.ts'
import { startWorkers, type Workers } from './workers/primary.ts'
import { tellMetrics, toPrimary } from './workers/worker.ts'

/** The port in the environment of the configuration that metrics are told at. */
const METRICS = 'KEYTURN_METRICS_PORT'

/**
 * Serves with several processes on one port (docs/adr/0024-workers.md). This one answers nothing but the metrics: it keeps the
 * workers and has the hash processes, which all of them share.
 * @throws SealingKeyProblem, Refusal as `serve` would; WorkerDidNotStart where the first worker has said what is in the way
 */
export async function serveWithWorkers(
  config: Config,
  logger: Logger,
): Promise<Pick<RunningKeyturn, 'stop'>> {
  const clock = systemClock
  const count = config.workers
  let workers: Workers | undefined
  await openSealingKey(config, { clock, logger }) // each worker needs it: here it is missed once
  const metricsServer = makeMetricsServer(
    workersMetrics({
      metrics: async () => workers?.metrics() ?? new Map(),
      restarts: () => workers?.restarts() ?? 0,
    }),
  )
  await listenOrExplain(metricsServer, config.metricsPort, config.host, METRICS)
  const hasher = startHasher({ concurrency: config.hashConcurrency, clock, logger })
  const close = async () => {
    await drain(metricsServer)
    await hasher.close()
  }
  try {
    workers = await startWorkers({ count, hasher, clock, logger })
  } catch (error) {
    await close()
    throw error
  }
  const running = workers
  await running.listening
  logger.info({ workers: count }, 'every worker listens')
  return {
    async stop() {
      const isFinished = await running.stop()
      await close()
      return isFinished
    },
  }
}

/** Serves as one of the workers, and tells the primary when it listens. */
export async function serveAsWorker(config: Config, logger: Logger): Promise<RunningKeyturn> {
  const running = await serve(config, logger, {
    worker: { hasher: hasherOfPrimary(toPrimary), tellMetrics },
  })
  toPrimary.send({ keyturn: 'listening' })
  return running
}
