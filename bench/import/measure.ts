import { execFileSync } from 'node:child_process'
import { createHash, pbkdf2Sync, scryptSync } from 'node:crypto'
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import { systemClock } from '../../src/clock.ts'
import { startHasher } from '../../src/passwords/hasher.ts'
import { openDatabase } from '../../src/postgres/database.ts'
import { migrate } from '../../src/postgres/migrate.ts'
import { usersPostgres } from '../../src/users/users-postgres.ts'
import { KEYTURN_PROGRAM } from '../../test/support/keyturn-process.ts'
import { startPostgres } from '../../test/support/postgres-server.ts'

/*
 * npm run measure:import -- [--users NUMBER]
 *
 * How long `keyturn import django` takes, from a dump with mixed hashes and an authtoken for every other user, into a
 * PostgreSQL of its own, and how much memory; the same again, when everybody is there; then a sample of passwords is
 * checked.
 */

const { values } = parseArgs({ options: { users: { type: 'string', default: '100000' } } })
const count = Number(values.users)
const PASSWORD = 'correct horse battery staple'
const MOMENT = '2021-01-01T00:00:00Z'
const SAMPLE = 20

const pbkdf2 = (name: 'sha256' | 'sha1', iterations: number) => {
  const derived = pbkdf2Sync(PASSWORD, 'salt', iterations, name === 'sha256' ? 32 : 20, name)
  return `pbkdf2_${name}$${iterations}$salt$${derived.toString('base64')}`
}
const scrypt = scryptSync(PASSWORD, 'salt', 64, { N: 16_384, r: 8, p: 1, maxmem: 64 * 2 ** 20 })
const HASHES = [
  pbkdf2('sha256', 260_000),
  pbkdf2('sha256', 600_000),
  pbkdf2('sha1', 260_000),
  `scrypt$16384$salt$8$1$${scrypt.toString('base64')}`,
]

const directory = mkdtempSync(join(tmpdir(), 'keyturn-import-'))
const postgres = await startPostgres()
try {
  await migrate({ connectionString: postgres.url })
  const dump = join(directory, 'dump.jsonl')
  await writeDump(dump)
  for (const what of ['first', 'again']) {
    const { seconds, megabytes, text } = run(dump)
    process.stdout.write(
      `${what}: ${count} users in ${seconds.toFixed(1)} s, ${megabytes} MB of memory\n${text}\n`,
    )
  }
  await checkSample()
} finally {
  await postgres.stop()
  rmSync(directory, { recursive: true, force: true })
}

async function writeDump(path: string): Promise<void> {
  const file = createWriteStream(path)
  const write = (model: string, pk: unknown, fields: object) =>
    file.write(`${JSON.stringify({ model, pk, fields })}\n`)
  for (let pk = 1; pk <= count; pk += 1) {
    const person = {
      username: `user${pk}`,
      email: `user${pk}@example.com`,
      first_name: 'U',
      last_name: `${pk}`,
    }
    const flags = { is_active: true, is_staff: false, is_superuser: false }
    const moments = { date_joined: MOMENT, last_login: null }
    write('auth.user', pk, { password: HASHES[pk % HASHES.length], ...person, ...flags, ...moments })
    if (pk % 2 === 0) {
      const key = createHash('sha1').update(`${pk}`).digest('hex')
      write('authtoken.token', key, { user: pk, created: MOMENT })
    }
  }
  file.end()
  await finished(file)
}

function run(dump: string): { seconds: number; megabytes: number; text: string } {
  const began = systemClock.now().getTime()
  // GNU time is not everywhere: the process says its own peak at its end.
  const peak =
    "process.on('exit',()=>require('fs').writeSync(1,'peak '+process.resourceUsage().maxRSS+'\\n'))"
  const output = execFileSync(
    process.execPath,
    [
      '--import',
      `data:text/javascript,import{createRequire}from'node:module';const require=createRequire('file:///');${peak}`,
      KEYTURN_PROGRAM,
      'import',
      'django',
      dump,
    ],
    {
      env: { PATH: process.env['PATH'], KEYTURN_DATABASE_URL: postgres.url },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  )
  const kilobytes = Number(/^peak (\d+)$/m.exec(output)?.[1])
  return {
    seconds: (systemClock.now().getTime() - began) / 1000,
    megabytes: Math.round(kilobytes / 1024),
    text: output.replace(/^peak .*\n/m, ''),
  }
}

async function checkSample(): Promise<void> {
  const database = openDatabase({ connectionString: postgres.url })
  const hasher = startHasher({ concurrency: 2, clock: systemClock })
  const users = usersPostgres(database)
  let right = 0
  for (let at = 0; at < SAMPLE; at += 1) {
    const found = await users.findByIdentifier(`user${1 + Math.floor((at * (count - 1)) / (SAMPLE - 1))}`)
    const { outcome } = await hasher.verify(PASSWORD, found?.passwordHash ?? undefined)
    if (outcome === 'match') right += 1
  }
  process.stdout.write(`${right} of ${SAMPLE} passwords of a sample are right\n`)
  await hasher.close()
  await database.close()
}
