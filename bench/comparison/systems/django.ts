import { execFile } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { DJANGO_RESOURCE_SERVER, debianPython } from '../../../test/support/debian-python.ts'
import { freePort } from '../../../test/support/ports.ts'
import type { Operation, Session } from '../load/protocol.ts'
import { startServer } from './start-server.ts'
import { startOwnPostgres } from './stores.ts'
import { SESSIONS, type System } from './system.ts'

const PROJECT = fileURLToPath(new URL('../peers/django', import.meta.url))
const PASSWORD = 'correct horse battery staple'
const SEED_TIMEOUT_MS = 60_000

/** Two for each core and one more, as gunicorn's manual says; threads keep connections open. */
const tunedWorkers = () => [
  ...['--workers', String(2 * availableParallelism() + 1)],
  ...['--worker-class', 'gthread', '--threads', '16', '--keep-alive', '30'],
]

const post = { method: 'POST', headers: { 'content-type': 'application/json' } } as const
/** It has no clients of its own and publishes no keys. */
const OPERATIONS = {
  login: {
    ...{ ...post, name: 'login', path: '/api/token/', expects: '"refresh"' },
    body: JSON.stringify({ username: 'benjamin', password: PASSWORD }),
  },
  refresh: {
    ...{ ...post, name: 'refresh', path: '/api/token/refresh/', expects: '"refresh"' },
    body: '{"refresh":"$refresh"}',
    renews: { refresh: 'refresh', access: 'access' },
  },
  introspection: {
    ...{ ...post, name: 'introspection', path: '/api/token/verify/', expects: '{}' },
    body: '{"token":"$access"}',
  },
} satisfies Record<string, Operation>

/** Starts a project on Debian's packages under gunicorn, with one user who is signed in. */
export async function startDjango(isTuned: boolean): Promise<System> {
  const packages = [...DJANGO_RESOURCE_SERVER, 'python3-psycopg2', 'gunicorn', 'python3-gunicorn']
  const python = await debianPython(packages)
  const postgres = await startOwnPostgres()
  const directory = mkdtempSync(join(tmpdir(), 'keyturn-bench-django-'))
  const keys = writeKeys(directory)
  const environment = {
    ...python.environment,
    ...keys,
    PYTHONPATH: [PROJECT, python.environment['PYTHONPATH']].join(':'),
    PYTHONDONTWRITEBYTECODE: '1',
    BENCH_TUNED: isTuned ? '1' : '0',
    BENCH_SECRET: randomBytes(32).toString('hex'),
    BENCH_PASSWORD: PASSWORD,
    BENCH_POSTGRES_PORT: String(postgres.port),
  }
  const close = async () => {
    await postgres.stop()
    rmSync(directory, { recursive: true, force: true })
  }
  try {
    const { PATH } = process.env
    const seeded = await promisify(execFile)(
      python.program,
      [join(PROJECT, 'project.py'), String(SESSIONS)],
      {
        env: { PATH, ...environment },
        timeout: SEED_TIMEOUT_MS,
      },
    )
    const port = await freePort()
    const workers = isTuned ? tunedWorkers() : []
    const server = await startServer({
      command: python.program,
      arguments: ['-m', 'gunicorn', '--bind', `127.0.0.1:${port}`, ...workers, 'project:application'],
      environment,
      directory,
      port,
      readyPath: '/ready',
    })
    return {
      name: isTuned ? 'django-tuned' : 'django-installed',
      origin: server.origin,
      parts: { server: server.pid, postgres: postgres.pid },
      operations: OPERATIONS,
      sessions: JSON.parse(seeded.stdout) as Session[],
      async stop() {
        await server.stop()
        await close()
      },
    }
  } catch (error) {
    await close()
    throw error
  }
}

function writeKeys(directory: string) {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
  const paths = {
    BENCH_PRIVATE_KEY: join(directory, 'private.pem'),
    BENCH_PUBLIC_KEY: join(directory, 'public.pem'),
  }
  writeFileSync(paths.BENCH_PRIVATE_KEY, privateKey, { mode: 0o600 })
  writeFileSync(paths.BENCH_PUBLIC_KEY, publicKey)
  return paths
}
