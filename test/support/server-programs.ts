import { execFile } from 'node:child_process'
import { existsSync, readdirSync, realpathSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { unpackPackages } from './debian-packages.ts'
import { serverUser } from './server-user.ts'

const run = promisify(execFile)

/** A directory with a server's programs, and the environment they need. */
export interface Programs {
  readonly directory: string
  /** The server's own program in it. */
  readonly server: string
  readonly environment: Readonly<Record<string, string>>
}

/** What we write Lua and SQL for; older servers are passed over. */
const REDIS_FLOOR = 7
const POSTGRES_FLOOR = 15

let redis: Promise<Programs> | undefined
let postgres: Promise<Programs> | undefined

/** A Redis server (or Valkey, its twin), found on this system or fetched. Looked for once. */
export function redisPrograms(): Promise<Programs> {
  redis ??= find(onPath(['redis-server', 'valkey-server']), REDIS_FLOOR, {
    packages: ['redis-server', 'redis-tools'],
    candidates: (root) => [join(root, 'usr/bin/redis-server')],
  })
  return redis
}

/** A PostgreSQL server with `initdb` beside it, found on this system or fetched. Looked for once. */
export function postgresPrograms(): Promise<Programs> {
  postgres ??= find([...onPath(['postgres']), ...debianPostgres('/')], POSTGRES_FLOOR, {
    packages: ['postgresql'],
    candidates: debianPostgres,
  })
  return postgres
}

async function find(
  candidates: readonly string[],
  floor: number,
  fallback: { packages: readonly string[]; candidates: (root: string) => string[] },
): Promise<Programs> {
  for (const server of candidates) {
    if (await isUsable(server, floor, {})) return programs(server, {})
  }
  const { root, environment } = await unpackPackages(fallback.packages)
  for (const server of fallback.candidates(root)) {
    if (await isUsable(server, floor, environment)) return programs(server, environment)
  }
  throw new Error(
    `no usable server in ${root}; install ${fallback.packages[0]} ${floor} or newer, or remove that directory`,
  )
}

function programs(server: string, environment: Record<string, string>): Programs {
  return { server, directory: dirname(server), environment }
}

/** Whether the server user can run it and it is new enough. Redis says `v=7.0.15`, PostgreSQL `15.18`. */
async function isUsable(server: string, floor: number, environment: Record<string, string>) {
  if (server.endsWith('/postgres') && !existsSync(join(dirname(server), 'initdb'))) return false
  try {
    const options = { cwd: '/', env: { ...process.env, ...environment }, ...serverUser() }
    const { stdout } = await run(server, ['--version'], options)
    return Number(/(\d+)\.\d+/.exec(stdout)?.[1]) >= floor
  } catch {
    return false
  }
}

function onPath(names: readonly string[]): string[] {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .flatMap((directory) => names.map((name) => join(directory, name)))
    .filter((path) => existsSync(path))
    .map((path) => realpathSync(path))
}

/** Debian keeps PostgreSQL's programs off the PATH, one directory a version: newest first. */
function debianPostgres(root: string): string[] {
  const versions = join(root, 'usr/lib/postgresql')
  if (!existsSync(versions)) return []
  return readdirSync(versions)
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => join(versions, version, 'bin/postgres'))
}
