import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { freePort } from '../../../test/support/ports.ts'
import type { Session } from '../load/protocol.ts'
import { keyturnOperations } from './keyturn-operations.ts'
import { startServer } from './start-server.ts'
import { SESSIONS, type System } from './system.ts'

const PROGRAMS = { 'floor-http': 'bare-http.ts', 'floor-koa': 'bare-koa.ts' } as const
/** They look at neither. */
const CLIENT = { client_id: 'client_0123456789abcdef0123', client_secret: 'x'.repeat(43) }
const USER = { username: 'alice', password: 'any' }

/** Starts a server that only signs. It has no login: there is no password to check. */
export async function startFloor(name: keyof typeof PROGRAMS): Promise<System> {
  const port = await freePort()
  const program = fileURLToPath(new URL(`../servers/${PROGRAMS[name]}`, import.meta.url))
  const server = await startServer({
    command: process.execPath,
    arguments: ['--import', import.meta.resolve('tsx'), program, String(port)],
    environment: {},
    directory: tmpdir(),
    port,
    readyPath: '/.well-known/jwks.json',
  })
  const { login, ...operations } = keyturnOperations(CLIENT, USER)
  const sessions: Session[] = []
  while (sessions.length < SESSIONS) {
    const answer = await fetch(server.origin + login.path, { ...login, headers: { ...login.headers } })
    const tokens = (await answer.json()) as { refresh_token: string; access_token: string }
    sessions.push({ refresh: tokens.refresh_token, access: tokens.access_token })
  }
  return {
    name,
    origin: server.origin,
    parts: { server: server.pid },
    operations,
    sessions,
    stop: server.stop,
  }
}
