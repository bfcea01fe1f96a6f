import { chownSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { type Guarded, startGuard } from './guard.ts'
import { freePort } from './ports.ts'
import { type RedisOptions, startRedis } from './redis-server.ts'
import type { RunningServer } from './running-server.ts'
import { serverDirectory, serverUser } from './server-user.ts'

/** One process of several that belong together: it comes back on its port, with its directory. */
export interface RedisNode {
  readonly port: number
  readonly url: string
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>
  /** SIGSTOP: it neither answers nor refuses. */
  pause(): void
  resume(): void
  /** Starts it again after `kill` or `stop`. */
  restart(): Promise<void>
  stop(): Promise<void>
  /** Runs one command on it, for example `ask('INFO', 'replication')`; rejects where it does not answer. */
  ask(...command: readonly (string | number)[]): Promise<unknown>
}

/** Directories of processes that belong together; they go when it is stopped, or when this process dies. */
export interface Directories {
  make(name: string): string
  stop(): Promise<void>
}

/** Longer than a working server needs, shorter than a test waits. */
const ASK_TIMEOUT_MS = 2000

/**
 * A directory that outlives the servers in it, and not this process.
 * @param user who removes it: the servers' user, or ourselves where we write into it
 */
export async function openDirectories(name: string, user = serverUser()): Promise<Directories> {
  const root = serverDirectory(name)
  const keeper: Guarded = await startGuard({
    command: '/bin/sleep',
    arguments: ['infinity'],
    environment: { PATH: process.env['PATH'] },
    directory: root,
    removeDirectory: true,
    stopSignal: 'TERM',
    user,
  })
  return {
    make(part) {
      const directory = join(root, part)
      mkdirSync(directory)
      if ('uid' in user) chownSync(directory, user.uid, user.gid)
      return directory
    },
    stop: keeper.stop,
  }
}

/** A node of a process that `start` runs on a port, the first time and at each restart. */
export async function startNode(start: (port: number) => Promise<RunningServer>): Promise<RedisNode> {
  let server = await start(await freePort())
  const { port, url } = server
  return {
    port,
    url,
    kill: () => server.kill(),
    pause: () => server.pause(),
    resume: () => server.resume(),
    async restart() {
      server = await start(port)
    },
    stop: () => server.stop(),
    ask: (...command) => askRedis(port, command),
  }
}

/** A Redis server that can be restarted on what it has kept. */
export function startRedisNode(options: RedisOptions & { readonly directory: string }): Promise<RedisNode> {
  return startNode((port) => startRedis({ ...options, port }))
}

async function askRedis(port: number, [name, ...rest]: readonly (string | number)[]): Promise<unknown> {
  const client = new Redis({
    port,
    host: '127.0.0.1',
    protocol: 2,
    lazyConnect: true,
    enableReadyCheck: false,
    retryStrategy: () => null,
    connectTimeout: ASK_TIMEOUT_MS,
    commandTimeout: ASK_TIMEOUT_MS,
  })
  client.on('error', () => {}) // the command is rejected
  try {
    await client.connect()
    return await client.call(String(name), ...rest)
  } finally {
    client.disconnect()
  }
}
