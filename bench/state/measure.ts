import { cpus, totalmem } from 'node:os'
import { parseArgs } from 'node:util'
import { addSeconds, systemClock } from '../../src/clock.ts'
import { keyNames } from '../../src/redis/key-names.ts'
import { toText } from '../simulation/report.ts'
import { countState, growthOf, notAnchored } from './count.ts'
import { beginSessions, type Exercised, endFamilies, REFRESH_EVERY_SECONDS, rotateOnce } from './exercise.ts'
import {
  redisKeySize,
  redisMemory,
  scriptMicroseconds,
  type TableSize,
  tableSizes,
  updatesOf,
  walPosition,
} from './sizes.ts'
import { openStores } from './stores.ts'

/*
 * npm run measure:state -- [--sessions NUMBER] [--rotations NUMBER]
 *
 * How much state a live session is, on private servers and through the real stores; and that refreshing adds none: exits
 * 1 where tables or Redis have more, or fewer, entries than there are live sessions. Progress on stderr.
 */

const { values } = parseArgs({
  options: {
    sessions: { type: 'string', default: '100000' },
    rotations: { type: 'string', default: '1000000' },
  },
})
const sessions = Number(values.sessions)
const rounds = Math.ceil(Number(values.rotations) / sessions)
if (!Number.isSafeInteger(sessions) || sessions < 100 || !Number.isSafeInteger(rounds) || rounds < 1) {
  process.stderr.write('--sessions takes 100 or more, --rotations as many or more\n')
  process.exit(2)
}
/** Keys that MEMORY USAGE is asked about. */
const SAMPLE = 1000
/** As often as a node looks for audit rows to chain. */
const CHAIN_EVERY_MS = 500
/** More families than fit on a page, so that no two of those lie on the same. */
const ONE_A_PAGE = 50
/** This share of the sessions is ended at last. */
const ENDED_SHARE = 0.01

const beginning = performance.now()
const stores = await openStores()
try {
  process.exitCode = await measure()
} finally {
  await stores.close()
}

async function measure(): Promise<number> {
  const { database, redis, families, versions } = stores
  say(`PostgreSQL ${versions.postgres}, Redis ${versions.redis}, Node ${process.version}`)
  say(`${cpus().length} × ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB`)
  const empty = {
    sizes: await tableSizes(database),
    memory: await redisMemory(redis),
    wal: await walPosition(database),
  }

  const start = systemClock.now()
  let chained = Promise.resolve()
  const chaining = setInterval(() => {
    chained = chained.then(stores.chainAudit)
  }, CHAIN_EVERY_MS)
  const exercised = await beginSessions(stores, sessions, start)
  clearInterval(chaining)
  await chained
  await stores.chainAudit()
  say(`${sessions} sessions have begun`)
  const walPerLogin = ((await walPosition(database)) - empty.wal) / sessions
  await database.query('vacuum analyze')
  const fresh = await tableSizes(database)
  const before = await countState(database, redis)

  await database.query('checkpoint')
  const wal = await walPosition(database)
  const rotating = performance.now()
  for (let round = 1; round <= rounds; round++) {
    await rotateOnce(stores, exercised, addSeconds(start, round * REFRESH_EVERY_SECONDS))
    await families.flush()
    if (round % Math.ceil(rounds / 10) === 0) say(`${round * sessions} rotations`)
  }
  const seconds = (performance.now() - rotating) / 1000
  const walPerRotation = ((await walPosition(database)) - wal) / (rounds * sessions)
  const steady = await tableSizes(database)
  const memory = await redisMemory(redis)
  const keySize = await redisKeySize(
    redis,
    exercised.slice(0, SAMPLE).map(({ id }) => keyNames.refreshFamily(id)),
  )
  const scriptTime = await scriptMicroseconds(redis)
  const after = await countState(database, redis)
  const behind = await notAnchored(database, rounds + 1)
  const oneMore = addSeconds(start, (rounds + 1) * REFRESH_EVERY_SECONDS)
  const sparse = { plain: await sparseWal(exercised, oneMore), compressed: 0 }
  await database.query(`alter system set wal_compression = 'lz4'`)
  await database.query('select pg_reload_conf()')
  sparse.compressed = await sparseWal(exercised, oneMore)
  const updates = {
    refresh_families: await updatesOf(database, 'refresh_families'),
    sessions: await updatesOf(database, 'sessions'),
  }

  print([
    ['entries', 'before the rotations', 'after them'],
    ...Object.keys(after.rows).map((table) => [table, String(before.rows[table]), String(after.rows[table])]),
    ['Redis keys', String(before.keys), String(after.keys)],
  ])
  print([
    ['PostgreSQL, bytes a live session', 'heap, fresh', 'indexes, fresh', 'heap, after', 'indexes, after'],
    ...perSession(empty.sizes, fresh, steady),
  ])
  print([
    ['Redis', 'bytes a live session'],
    ['used_memory, all keys', ((memory - empty.memory) / sessions).toFixed(0)],
    ['MEMORY USAGE of a key', keySize.toFixed(0)],
    ['µs a rotation, in the script', scriptTime.toFixed(1)],
  ])
  print([
    ['updates', 'number', 'touching no index (HOT)', 'dead rows now', 'autovacuum runs'],
    ...Object.entries(updates).map(([table, { updated, hot, dead, vacuumed }]) => [
      table,
      String(updated),
      `${((100 * hot) / Math.max(updated, 1)).toFixed(1)} %`,
      String(dead),
      String(vacuumed),
    ]),
  ])
  print([
    ['writes', ''],
    ['WAL bytes a login', walPerLogin.toFixed(0)],
    ['WAL bytes a rotation, all of a page’s families in one checkpoint', walPerRotation.toFixed(0)],
    ['WAL bytes a rotation, one family of a page in a checkpoint', sparse.plain.toFixed(0)],
    ['… with wal_compression = lz4', sparse.compressed.toFixed(0)],
    [
      'rotations',
      `${rounds * sessions} in ${seconds.toFixed(0)} s, stores and measuring process on one machine`,
    ],
  ])

  const ended = exercised.slice(0, Math.round(sessions * ENDED_SHARE))
  await endFamilies(stores, ended, systemClock.now())
  const afterEnd = await countState(database, redis)
  print([
    ['ended', String(ended.length)],
    ['Redis keys gone', String(after.keys - afterEnd.keys)],
    ['sessions kept for 7 days', String(afterEnd.rows['sessions'] ?? 0)],
    ['audit rows', String((afterEnd.rows['audit_events'] ?? 0) - (after.rows['audit_events'] ?? 0))],
  ])

  const wrong = growthOf(before, after, sessions)
  if (behind > 0) wrong.push(`the record is behind for ${behind} families`)
  for (const line of wrong) process.stdout.write(`WRONG: ${line}\n`)
  process.stdout.write(
    wrong.length === 0
      ? `${rounds * sessions} rotations left as much as ${sessions} live sessions are\n`
      : '',
  )
  return wrong.length === 0 ? 0 : 1
}

/**
 * What the log takes for a rotation that is the first on its page since a checkpoint: then the page goes into it as a
 * whole. So it is where there are many more sessions than refreshes between two checkpoints.
 */
async function sparseWal(exercised: readonly Exercised[], now: Date): Promise<number> {
  const { database, families } = stores
  const some = exercised.filter((_, place) => place % ONE_A_PAGE === 0)
  await database.query('checkpoint')
  const before = await walPosition(database)
  await rotateOnce(stores, some, now)
  await families.flush()
  return ((await walPosition(database)) - before) / some.length
}

/** Tables that take room because of sessions, with what an empty schema takes subtracted. */
function perSession(empty: readonly TableSize[], ...measured: (readonly TableSize[])[]): string[][] {
  const bytes = (sizes: readonly TableSize[], name: string, part: 'heap' | 'indexes') => {
    const of = (list: readonly TableSize[]) => list.find(({ table }) => table === name)?.[part] ?? 0
    return (of(sizes) - of(empty)) / sessions
  }
  const rows = empty
    .map(({ table }) => ({
      table,
      cells: measured.flatMap((sizes) => [bytes(sizes, table, 'heap'), bytes(sizes, table, 'indexes')]),
    }))
    .filter(({ cells }) => cells.some((cell) => cell >= 1))
  const total = rows[0]?.cells.map((_, column) =>
    rows.reduce((sum, { cells }) => sum + (cells[column] ?? 0), 0),
  )
  return [...rows, { table: 'together', cells: total ?? [] }].map(({ table, cells }) => [
    table,
    ...cells.map((cell) => cell.toFixed(0)),
  ])
}

function print(table: readonly (readonly string[])[]): void {
  process.stdout.write(`${toText(table)}\n`)
}

function say(text: string): void {
  process.stderr.write(`${((performance.now() - beginning) / 1000).toFixed(1).padStart(6)} s  ${text}\n`)
}
