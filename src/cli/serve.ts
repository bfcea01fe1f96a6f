import { type Command, InvalidArgumentError } from 'commander'
import { type Clock, systemClock } from '../clock.ts'
import type { Config } from '../config.ts'
import type { RunningKeyturn } from '../serve.ts'
import type { Logger } from '../telemetry/logger.ts'
import { WorkerDidNotStart } from '../workers/primary.ts'
import { stopAskedByPrimary, workerId } from '../workers/worker.ts'
import { addCommand, type Run } from './command.ts'
import type { Context } from './context.ts'
import { EXIT_DONE, EXIT_REFUSED, Misuse } from './outcome.ts'

/** npm hands a Ctrl-C on to us, although the terminal has sent it already: what follows this closely is the same one. */
const SAME_SIGNAL_MS = 300

/** `keyturn serve`. */
export function addServeCommand(program: Command, run: Run): void {
  addCommand(
    program,
    'serve',
    'answer requests until SIGTERM or SIGINT; a second one ends it at once',
    'KEYTURN_PORT=7600 keyturn serve --workers 2',
  )
    .option('--workers <number>', 'processes that answer requests; otherwise KEYTURN_WORKERS', workerCount)
    .action(({ workers }: { workers?: number }) =>
      run(async (context) => {
        const config = { ...context.config, ...(workers !== undefined && { workers }) }
        if (workerId() !== undefined) await beWorker({ ...context, config })
        else await serveUntilStopped({ ...context, config })
        return undefined
      }),
    )
}

async function serveUntilStopped({ config, logger, print }: Context): Promise<void> {
  const { workers } = config
  if (workers > 1 && config.mode === 'embedded')
    throw new Misuse(
      '--workers above 1 needs KEYTURN_DATABASE_URL: the embedded database belongs to one process',
    )
  const { serve } = await import('../serve.ts')
  const { demoText } = await import('../demo.ts')
  const stopAsked = stopSignal(systemClock)
  const started = surviveStrayErrors(logger)
  let running: Partial<RunningKeyturn> & Pick<RunningKeyturn, 'stop'>
  try {
    running = workers > 1 ? await withWorkers(config, logger) : await serve(config, logger)
  } catch (error) {
    if (!(error instanceof WorkerDidNotStart)) throw error
    process.exitCode = error.exitCode // it has said why
    return
  }
  started()
  const { issuer, mode } = config
  const { demo } = running
  const text = demo ? demoText(issuer, demo) : `Keyturn is running at ${issuer}`
  print({ data: { issuer, mode, ...(demo && { demo }) }, text })
  await stopAsked
  if (!(await running.stop())) process.exitCode = EXIT_REFUSED
}

async function withWorkers(config: Config, logger: Logger) {
  const { serveWithWorkers } = await import('../serve-workers.ts')
  return serveWithWorkers(config, logger)
}

/** One of several: prints nothing, and stops when the primary says so. */
async function beWorker({ config, logger }: Context): Promise<void> {
  const { serveAsWorker } = await import('../serve-workers.ts')
  const stopAsked = stopAskedByPrimary()
  const started = surviveStrayErrors(logger)
  const running = await serveAsWorker(config, logger)
  started()
  await stopAsked
  // Its channel would keep it alive.
  process.exit((await running.stop()) ? EXIT_DONE : EXIT_REFUSED)
}

function workerCount(text: string): number {
  if (!/^[1-9]\d{0,2}$/.test(text)) throw new InvalidArgumentError('It must be a number from 1 to 999.')
  return Number(text)
}

/** Resolves at the first SIGTERM or SIGINT; at a second one the process ends with 1, whatever it is doing. */
function stopSignal(clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    let firstAt: number | undefined
    for (const name of ['SIGTERM', 'SIGINT'] as const) {
      process.on(name, () => {
        const now = clock.now().getTime()
        if (firstAt !== undefined && now - firstAt > SAME_SIGNAL_MS) process.exit(EXIT_REFUSED)
        firstAt ??= now
        resolve()
      })
    }
  })
}

/**
 * Logs an error that nobody caught and goes on (reliability catalogue G7).
 *
 * Node would end the process. But whatever went astray belongs to one connection or one timer; what is true stands in
 * PostgreSQL and is read anew by each request; and an error that a client can provoke would otherwise end the service
 * for all others as often as it likes. A process that is really broken shows in /readyz. Until the service has started,
 * such an error ends it: nobody depends on it yet, and waiting for a start that never ends helps nobody.
 * @returns to be called when it has started
 */
function surviveStrayErrors(logger: Logger): () => void {
  let hasStarted = false
  for (const name of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(name, (error: unknown) => {
      logger.error({ err: error, kind: name }, 'an error that nobody caught')
      if (!hasStarted) process.exit(EXIT_REFUSED)
    })
  }
  return () => {
    hasStarted = true
  }
}
