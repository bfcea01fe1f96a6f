import { type Config, readConfig } from '../config.ts'
import type { OperationName } from '../operations.ts'
import { type Logger, makeLogger } from '../telemetry/logger.ts'
import { workerId } from '../workers/worker.ts'
import type { Answer, Row } from './answer.ts'
import { type Reach, reachEmbedded, reachServer } from './reach.ts'

/** What a command works with. */
export interface Context {
  readonly config: Config
  readonly logger: Logger
  /** Has an operation done, wherever the data is (cli/reach.ts). The caller knows what it returns. */
  ask<Result = Row>(operation: OperationName, input: object): Promise<Result>
  /** Prints something now, for a command that goes on. */
  print(answer: Answer): void
}

/**
 * Reads the configuration and runs a command with it; closes what the command opened.
 * @throws ConfigProblem
 */
export async function withContext<T>(
  print: (answer: Answer) => void,
  work: (context: Context) => Promise<T>,
): Promise<T> {
  const config = readConfig()
  const worker = workerId()
  const logger = makeLogger(config.logLevel, undefined, worker === undefined ? null : { worker })
  let reach: Reach | undefined
  try {
    return await work({
      config,
      logger,
      print,
      async ask<Result>(operation: OperationName, input: object) {
        reach ??= await openReach(config, logger)
        return (await reach.ask(operation, input)) as Result
      },
    })
  } finally {
    await reach?.close()
  }
}

async function openReach(config: Config, logger: Logger): Promise<Reach> {
  const { databaseUrl } = config
  return databaseUrl === undefined
    ? reachEmbedded(config, logger)
    : reachServer({ ...config, databaseUrl }, logger)
}
