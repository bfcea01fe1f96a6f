import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../../test/support/ports.ts'
import type { Operation, Session } from '../load/protocol.ts'
import { PROGRAM, runKeyturn } from './keyturn-command.ts'
import { keyturnOperations } from './keyturn-operations.ts'
import { startServer } from './start-server.ts'
import { startOwnPostgres, startOwnRedis } from './stores.ts'
import { SESSIONS, type System } from './system.ts'

export type KeyturnMode = 'standard' | 'small' | 'embedded'

/** Not one that the embedded mode makes for its demo. */
const USERNAME = 'benjamin'
const PASSWORD = 'correct horse battery staple'
/** Of the client's own names. */
const CLIENT = [
  '--name',
  'Benchmark',
  '--first-party',
  '--scope',
  'read write',
  '--audience',
  'https://api.example.com',
]
const GRANTS = ['client_credentials', 'password', 'refresh_token'].flatMap((grant) => ['--grant', grant])

/**
 * Starts the built program as an operator does, with one user and one confidential client, and signs the user in.
 * @param nodeArguments put before the program, for example `--cpu-prof`
 * @param sessions how many chains of refresh tokens
 */
export async function startKeyturnSystem(
  mode: KeyturnMode,
  nodeArguments: readonly string[] = [],
  sessions = SESSIONS,
): Promise<System> {
  const closing: (() => Promise<void>)[] = []
  const stop = async () => {
    for (const close of closing.splice(0).reverse()) await close()
  }
  try {
    return await start(mode, nodeArguments, sessions, closing, stop)
  } catch (error) {
    await stop()
    throw error
  }
}

async function start(
  mode: KeyturnMode,
  nodeArguments: readonly string[],
  sessions: number,
  closing: (() => Promise<void>)[],
  stop: () => Promise<void>,
): Promise<System> {
  const directory = mkdtempSync(join(tmpdir(), 'keyturn-bench-'))
  closing.push(async () => rmSync(directory, { recursive: true, force: true }))
  const opened = <T extends { stop(): Promise<void> }>(server: T): T => {
    closing.push(server.stop)
    return server
  }
  const postgres = mode === 'embedded' ? undefined : opened(await startOwnPostgres())
  const redis = mode === 'standard' ? opened(await startOwnRedis()) : undefined
  const port = await freePort()
  const env = {
    KEYTURN_PORT: String(port),
    KEYTURN_WORKERS: '1',
    KEYTURN_METRICS_PORT: String(await freePort()),
    KEYTURN_ACCESS_TOKEN_TTL: '3600', // a token to introspect outlives its round
    ...(postgres && { KEYTURN_DATABASE_URL: postgres.url }),
    ...(redis && { KEYTURN_REDIS_URL: redis.url }),
  }
  const command = (args: readonly string[], stdin?: string) =>
    runKeyturn(args, { cwd: directory, env, ...(stdin !== undefined && { stdin }) })
  if (postgres) {
    await command(['keys', 'init'])
    await command(['migrate'])
  }
  const server = opened(
    await startServer({
      command: process.execPath,
      arguments: [...nodeArguments, PROGRAM, 'serve'],
      ...{ environment: env, directory, port, readyPath: '/readyz' },
    }),
  )
  const created = await command(['clients', 'create', '--json', ...CLIENT, ...GRANTS])
  const client = JSON.parse(created) as { client_id: string; client_secret: string }
  await command(
    ['users', 'create', USERNAME, '--email', `${USERNAME}@example.com`, '--password-stdin'],
    PASSWORD,
  )
  const operations = keyturnOperations(client, { username: USERNAME, password: PASSWORD })
  return {
    name: `keyturn-${mode}`,
    origin: server.origin,
    parts: {
      server: server.pid,
      ...(redis && { redis: redis.pid }),
      ...(postgres && { postgres: postgres.pid }),
    },
    operations,
    sessions: await signIn(server.origin, operations.login, sessions),
    async rotateKey() {
      await command(['keys', 'revoke', await signingKid(server.origin, operations.client_credentials)])
    },
    stop,
  }
}

/** One login after the other: all at once would be shed. */
async function signIn(origin: string, login: Operation, count: number): Promise<Session[]> {
  const sessions: Session[] = []
  while (sessions.length < count) {
    const answer = await ask(origin, login)
    sessions.push({ refresh: String(answer['refresh_token']), access: String(answer['access_token']) })
  }
  return sessions
}

/** The key that signs now. */
async function signingKid(origin: string, issue: Operation): Promise<string> {
  const [header = ''] = String((await ask(origin, issue))['access_token']).split('.')
  return String((JSON.parse(Buffer.from(header, 'base64url').toString()) as { kid: string }).kid)
}

async function ask(
  origin: string,
  { method, path, headers, body }: Operation,
): Promise<Record<string, unknown>> {
  const answer = await fetch(origin + path, { method, headers: { ...headers }, body: body ?? null })
  if (!answer.ok) throw new Error(`${path} answers ${answer.status}: ${await answer.text()}`)
  return (await answer.json()) as Record<string, unknown>
}
