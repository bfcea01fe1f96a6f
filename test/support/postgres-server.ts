import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { startGuarded } from './guarded-process.ts'
import { type RunningServer, startOnFreePort } from './running-server.ts'
import { postgresPrograms } from './server-programs.ts'
import { serverDirectory, serverUser } from './server-user.ts'

const run = promisify(execFile)

/** How a dedicated server differs from the plain one, which is quick because it survives no power cut. */
export interface PostgresOptions {
  /** Settings of postgresql.conf, for example `{ fsync: 'on' }`. */
  readonly settings?: Readonly<Record<string, string>>
  /** The port to come back on; otherwise a free one. */
  readonly port?: number
  /** A directory of `serverDirectory` that outlives the server, so that another can start on its data. */
  readonly directory?: string
}

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  shared_buffers: '32MB',
  max_connections: '200',
  // Tests provoke errors on purpose; only what concerns the server itself is kept.
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
}

/** Starts a PostgreSQL server of one's own on 127.0.0.1, for a test that kills or pauses it; stop it afterwards. */
export async function startPostgres(options: PostgresOptions = {}): Promise<RunningServer> {
  const programs = await postgresPrograms()
  return startOnFreePort(options.port, async (port) => {
    const directory = options.directory ?? serverDirectory('postgres')
    const data = join(directory, 'data')
    if (!existsSync(data)) await initialise(data)
    const settings = Object.entries({ ...SETTINGS, ...options.settings, port: String(port) })
    const server = await startGuarded({
      command: programs.server,
      arguments: ['-D', data, ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])],
      environment: programs.environment,
      directory,
      removeDirectory: options.directory === undefined,
      stopSignal: 'INT',
      ready: /ready to accept connections/,
    })
    return { ...server, port, url: `postgres://postgres@127.0.0.1:${port}/postgres` }
  })
}

/** Lays out an empty cluster whose superuser needs no password. */
async function initialise(data: string): Promise<void> {
  const programs = await postgresPrograms()
  await run(
    join(programs.directory, 'initdb'),
    ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'],
    {
      cwd: '/',
      env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'GMT', ...programs.environment },
      ...serverUser(),
    },
  )
}
