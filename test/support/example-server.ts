import { fileURLToPath } from 'node:url'
import { startGuard } from './guard.ts'
import { afterwards } from './root-hooks.ts'

export interface ExampleCommand {
  /** Its directory under `examples`, or its name where it has another. */
  readonly example: string
  readonly directory?: string
  readonly command: string
  readonly arguments: readonly string[]
  /** Its whole environment, besides PATH and HOME. */
  readonly environment: Readonly<Record<string, string>>
}

const START_TIMEOUT_MS = 25_000

/**
 * Runs an example as people run it, on a port of its own. It is stopped after the test (or, when started outside one,
 * at the end of the run).
 * @returns the origin that it says it listens on
 * @throws Error with its output when it ends before that, or takes too long
 */
export async function startExample(options: ExampleCommand): Promise<string> {
  const { PATH, HOME } = process.env
  const guarded = await startGuard({
    command: options.command,
    arguments: options.arguments,
    environment: { PATH, HOME, PORT: '0', ...options.environment },
    directory:
      options.directory ?? fileURLToPath(new URL(`../../examples/${options.example}`, import.meta.url)),
    removeDirectory: false,
    stopSignal: 'TERM',
    user: {},
  })
  afterwards(guarded.stop)
  const origin = () => /listening on (http:\S+)/.exec(guarded.stdout())?.[1]
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, START_TIMEOUT_MS)
    const go = () => {
      clearTimeout(timer)
      resolve()
    }
    guarded.onOutput(() => origin() !== undefined && go())
    guarded.ended.then(go, go)
    if (origin() !== undefined) go()
  })
  const found = origin()
  if (found === undefined) {
    throw new Error(`${options.example} did not start:\n${guarded.stdout()}${guarded.stderr()}`)
  }
  return found
}
