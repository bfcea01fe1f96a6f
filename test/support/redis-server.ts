import { startGuarded } from './guarded-process.ts'
import { type RunningServer, startOnFreePort } from './running-server.ts'
import { redisPrograms } from './server-programs.ts'
import { serverDirectory } from './server-user.ts'

/** How a dedicated server differs from the plain one, which keeps nothing on disk. */
export interface RedisOptions {
  /** More of its command line, for example `['--appendonly', 'yes']`. */
  readonly arguments?: readonly string[]
  /** The port to come back on; otherwise a free one. */
  readonly port?: number
  /** A directory of `serverDirectory` that outlives the server, so that another can start on its data. */
  readonly directory?: string
}

/** Starts a Redis server of one's own on 127.0.0.1, for a test that kills or pauses it; stop it afterwards. */
export async function startRedis(options: RedisOptions = {}): Promise<RunningServer> {
  const programs = await redisPrograms()
  return startOnFreePort(options.port, async (port) => {
    const directory = options.directory ?? serverDirectory('redis')
    const server = await startGuarded({
      command: programs.server,
      arguments: [
        ...['--port', String(port), '--bind', '127.0.0.1', '--dir', directory, '--daemonize', 'no'],
        ...['--save', '', '--appendonly', 'no'],
        ...(options.arguments ?? []),
      ],
      environment: programs.environment,
      directory,
      removeDirectory: options.directory === undefined,
      stopSignal: 'TERM',
      ready: /Ready to accept connections/,
    })
    return { ...server, port, url: `redis://127.0.0.1:${port}` }
  })
}
