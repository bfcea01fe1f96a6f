import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { freePort } from '../../../test/support/ports.ts'
import type { Session } from '../load/protocol.ts'
import { keyturnOperations } from './keyturn-operations.ts'
import { startServer } from './start-server.ts'
import { startOwnRedis } from './stores.ts'
import { SESSIONS, type System } from './system.ts'

const DIRECTORY = fileURLToPath(new URL('../peers/oidc-provider', import.meta.url))
const CLIENT = { client_id: 'client_0123456789abcdef0123', client_secret: 'x'.repeat(43) }
const INSTALL_TIMEOUT_MS = 120_000

/**
 * Starts oidc-provider, which is installed beside its server at the first time.
 * It has no login of its own (a password grant would be ours) and introspects opaque tokens alone, so it is given those.
 */
export async function startOidcProvider(): Promise<System> {
  if (!existsSync(join(DIRECTORY, 'node_modules'))) {
    const command = ['ci', '--prefix', DIRECTORY, '--ignore-scripts']
    await promisify(execFile)('npm', command, { timeout: INSTALL_TIMEOUT_MS })
  }
  const redis = await startOwnRedis()
  const port = await freePort()
  const server = await startServer({
    command: process.execPath,
    arguments: ['server.mjs', String(port), redis.url, CLIENT.client_id, CLIENT.client_secret],
    environment: { NODE_ENV: 'production' },
    directory: DIRECTORY,
    port,
    readyPath: '/.well-known/jwks.json',
  }).catch(async (error: unknown) => {
    await redis.stop()
    throw error
  })
  const sessions: Session[] = []
  while (sessions.length < SESSIONS) {
    sessions.push((await (await fetch(`${server.origin}/bench/session`)).json()) as Session)
  }
  const { login: _, refresh, ...operations } = keyturnOperations(CLIENT, { username: '', password: '' })
  return {
    name: 'oidc-provider',
    origin: server.origin,
    parts: { server: server.pid, redis: redis.pid },
    operations: { ...operations, refresh: { ...refresh, renews: { refresh: 'refresh_token' } } },
    sessions,
    async stop() {
      await server.stop()
      await redis.stop()
    },
  }
}
