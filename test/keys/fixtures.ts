import { randomBytes } from 'node:crypto'
import { addSeconds } from '../../src/clock.ts'
import type { SigningAlgorithm } from '../../src/keys/algorithms.ts'
import { type KeySchedule, keySchedule } from '../../src/keys/schedule.ts'
import { sealingKey } from '../../src/keys/sealing-key.ts'
import type { SigningKey } from '../../src/keys/signing-key.ts'
import { signingKeysPostgres } from '../../src/keys/signing-keys-postgres.ts'
import type { Database } from '../../src/postgres/database.ts'
import type { Logger } from '../../src/telemetry/logger.ts'

/** The schedule of production, with the default settings. */
export const SCHEDULE: KeySchedule = keySchedule({
  rotationPeriodSeconds: 30 * 86_400,
  jwksMaxAgeSeconds: 300,
})

/** The same, rotated by hand. */
export const BY_HAND: KeySchedule = { ...SCHEDULE, rotationPeriodSeconds: 0 }

export const NOW = new Date('2026-03-01T12:00:00.000Z')

/** A moment some seconds from `NOW`. */
export function at(seconds: number): Date {
  return addSeconds(NOW, seconds)
}

/** A key with times in seconds from `NOW`; `activates: null` for no date. */
export function key(
  kid: string,
  times: { published: number; activates: number | null; revoked?: number; wiped?: true },
  algorithm: SigningAlgorithm = 'RS256',
): SigningKey {
  return {
    kid,
    algorithm,
    publishedAt: at(times.published),
    activatesAt: times.activates === null ? null : at(times.activates),
    revokedAt: times.revoked === undefined ? null : at(times.revoked),
    holdsPrivateKey: !times.wiped,
  }
}

/** A sealing key that no other test has. */
export function newSealingKey() {
  return sealingKey(randomBytes(32))
}

/** What `stock` seals with: one for the whole run, as the keys are. */
export const STOCK_SEALING_KEY = newSealingKey()
let stocked: string | undefined

/**
 * What a node leaves behind that has just made the first keys: an active one, and a next one that takes over after the
 * rotation period. Real keys, made once a run, since two RSA keys take a second; the times are new each time.
 */
export async function stock(database: Database): Promise<void> {
  if (stocked === undefined) {
    await signingKeysPostgres({ database, sealingKey: STOCK_SEALING_KEY }).maintain(SCHEDULE)
    const [made] = await database.query<{ rows: string }>(
      'select json_agg(k)::text as rows from signing_keys k',
    )
    stocked = made?.rows
    return
  }
  await database.query(
    `with made as (select * from json_populate_recordset(null::signing_keys, $1)),
       shift as (select date_trunc('milliseconds', clock_timestamp()) - min(published_at) as by from made)
     insert into signing_keys
     select kid, algorithm, public_jwk, sealed_private_key, published_at + by, activates_at + by, created_at + by
     from made, shift`,
    [stocked],
  )
}

/** Lets `seconds` go by for every key: moves all that is stored about them into the past. */
export async function age(database: Database, seconds: number): Promise<void> {
  for (const [table, columns] of [
    ['signing_keys', ['published_at', 'activates_at', 'revoked_at', 'created_at']],
    ['symmetric_keys', ['activates_at', 'created_at']],
  ] as const) {
    const changes = columns.map((column) => `${column} = ${column} - make_interval(secs => $1)`)
    await database.query(`update ${table} set ${changes.join(', ')}`, [seconds])
  }
}

/** The audit rows of keys, oldest first. */
export function audited(database: Database) {
  return database.query<{ event: string; actor: string; details: Record<string, string | null> }>(
    `select event, actor, details from audit_events where event like '%key.%' order by id`,
  )
}

/** A logger that keeps what it is given. */
export function memoryLogger(): Logger & { lines: { level: string; message: string; fields: object }[] } {
  const lines: { level: string; message: string; fields: object }[] = []
  const at = (level: string) => (fields: object, message: string) =>
    void lines.push({ level, message, fields })
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

/** What `work` rejects with; an error when it does not. */
export async function failureOf(work: Promise<unknown> | (() => unknown)): Promise<unknown> {
  try {
    await (typeof work === 'function' ? work() : work)
  } catch (error) {
    return error
  }
  throw new Error('it was expected to fail')
}
