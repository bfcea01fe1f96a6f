import { randomBytes } from 'node:crypto'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { systemClock } from '../../src/clock.ts'
import { readHash } from '../../src/passwords/all-formats.ts'
import { startHasher } from '../../src/passwords/hasher.ts'
import { slowFunctions } from '../../src/passwords/slow-functions.ts'
import { toText } from '../simulation/report.ts'

/*
 * npm run measure:passwords -- [--rounds NUMBER]
 *
 * What checking a password costs in each format that is accepted, at the settings of Django 6.2 and at our own limits: CPU
 * of all threads and time, the formats in turns, the median round. Then the time through the hash processes, which have
 * low priority, while nothing else runs and while every core has one thread of ordinary priority that never rests. No
 * failed login may be answered before the slowest of them (src/users/login.ts).
 */

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '7' } } })
const rounds = Number(values.rounds)
if (!(Number.isSafeInteger(rounds) && rounds > 0)) {
  process.stderr.write('--rounds takes 1 or more\n')
  process.exit(2)
}

const SALT = '0123456789abcdefABCDEF'
const BCRYPT_SALT = '$GhvMmNVjRW29ulnudl.Lbu'
const bytes = (length: number) => randomBytes(length).toString('base64')
const unpadded = (length: number) => bytes(length).replace(/=+$/, '')
const bcrypt = (cost: string) => `$2b$${cost}${BCRYPT_SALT}${'A'.repeat(31)}`

const NEWEST: Readonly<Record<string, string>> = {
  'argon2id, ours': `$argon2id$v=19$m=19456,t=2,p=1$${unpadded(16)}$${unpadded(32)}`,
  'pbkdf2_sha256, 1,800,000': `pbkdf2_sha256$1800000$${SALT}$${bytes(32)}`,
  'pbkdf2_sha1, 1,800,000': `pbkdf2_sha1$1800000$${SALT}$${bytes(20)}`,
  'argon2, 100 MiB, 2, 8': `argon2$argon2id$v=19$m=102400,t=2,p=8$${unpadded(22)}$${unpadded(32)}`,
  'bcrypt_sha256, 12': `bcrypt_sha256$${bcrypt('12')}`,
  'bcrypt, 12': `bcrypt$${bcrypt('12')}`,
  'scrypt, 2^14, 8, 5': `scrypt$16384$${SALT}$8$5$${bytes(64)}`,
  'legacy md5': `legacy$md5$${SALT}$${randomBytes(16).toString('hex')}`,
}

const MOST: Readonly<Record<string, string>> = {
  'argon2, 128 MiB, 10, 1': `argon2$argon2id$v=19$m=131072,t=10,p=1$${unpadded(22)}$${unpadded(32)}`,
  'pbkdf2_sha256, 10,000,000': `pbkdf2_sha256$10000000$${SALT}$${bytes(32)}`,
  'pbkdf2_sha1, 10,000,000': `pbkdf2_sha1$10000000$${SALT}$${bytes(20)}`,
  'bcrypt, 16': `bcrypt$${bcrypt('16')}`,
  'scrypt, 2^16, 8, 32': `scrypt$65536$${SALT}$8$32$${bytes(64)}`,
}

interface Cost {
  readonly cpuMs: number
  readonly timeMs: number
}

const PASSWORD = 'correct horse battery staple'

process.stdout.write(
  `${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.version}; median of ${rounds} rounds, in ms\n\n`,
)
const newest = await measure(NEWEST, rounds, here)
const quiet = await throughProcesses()
const busyThreads = cpus().map(() => new Worker('for (;;);', { eval: true }))
const busy = await throughProcesses()
await Promise.all(busyThreads.map((thread) => thread.terminate()))
print(['at the newest settings', 'CPU', 'time', 'in a hash process', '… on busy cores'], NEWEST, (name) => [
  newest(name).cpuMs,
  newest(name).timeMs,
  quiet(name).timeMs,
  busy(name).timeMs,
])

const most = await measure(MOST, 1, here)
print(['at the limits (once)', 'CPU', 'time'], MOST, (name) => [most(name).cpuMs, most(name).timeMs])

async function here(stored: string): Promise<void> {
  await readHash(stored)?.matches(Buffer.from(PASSWORD), slowFunctions)
}

async function throughProcesses(): Promise<(name: string) => Cost> {
  const hasher = startHasher({ concurrency: 1, clock: systemClock })
  await hasher.hash(PASSWORD)
  const costs = await measure(NEWEST, rounds, async (stored) => {
    const { outcome } = await hasher.verify(PASSWORD, stored)
    if (outcome !== 'mismatch') throw new Error(`${outcome}: ${stored}`)
  })
  await hasher.close()
  return costs
}

/** The formats take turns, so that a machine that is busy for a while is busy for all of them. */
async function measure(
  hashes: Readonly<Record<string, string>>,
  times: number,
  check: (stored: string) => Promise<void>,
): Promise<(name: string) => Cost> {
  const costs = new Map<string, Cost[]>(Object.keys(hashes).map((name) => [name, []]))
  for (let round = 0; round < times; round++) {
    for (const [name, stored] of Object.entries(hashes)) {
      const before = { cpu: process.cpuUsage(), time: performance.now() }
      await check(stored)
      const { user, system } = process.cpuUsage(before.cpu)
      costs.get(name)?.push({ cpuMs: (user + system) / 1000, timeMs: performance.now() - before.time })
    }
  }
  return (name) => ({
    cpuMs: median(costs.get(name)?.map(({ cpuMs }) => cpuMs) ?? []),
    timeMs: median(costs.get(name)?.map(({ timeMs }) => timeMs) ?? []),
  })
}

function print(
  head: readonly string[],
  hashes: Readonly<Record<string, string>>,
  row: (name: string) => readonly number[],
): void {
  const rows = Object.keys(hashes).map((name) => [name, ...row(name).map((value) => value.toFixed(0))])
  process.stdout.write(`${toText([[...head], ...rows])}\n`)
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}
