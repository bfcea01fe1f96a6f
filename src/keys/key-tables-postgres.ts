import type { Database, Queryable } from '../postgres/database.ts'
import { resealPair, type SealedKeyPair, signingKeyContext } from './key-material.ts'
import { opensWith, type SealingKey, type SealingKeyLine, wrongSealingKey } from './sealing-key.ts'
import type { SealedRow } from './sealing-use.ts'
import { symmetricKeyContext } from './symmetric-key.ts'

/** One number for all nodes: whoever holds this advisory lock changes the key tables. */
const KEYS_LOCK = 7_600_002
/**
 * A node that is paused in the middle must not commit much later: the times it wrote would then lie in the past
 * although nobody could see the key until now. Ended by the server instead, it begins anew.
 */
const PAUSE_LIMIT_MS = 5000

/**
 * Changes the key tables, one node at a time.
 * @param work gets the database's time, read after the lock was gained: what another node did before is in the past
 */
export function changeKeys<T>(
  database: Database,
  work: (transaction: Queryable, now: Date) => Promise<T>,
): Promise<T> {
  return database.transaction(async (transaction) => {
    await transaction.query(`set local idle_in_transaction_session_timeout = ${PAUSE_LIMIT_MS}`)
    await transaction.query('select pg_advisory_xact_lock($1)', [KEYS_LOCK])
    const [row] = await transaction.query<{ now: Date }>('select clock_timestamp() as now')
    if (!row) throw new Error('the database did not say what time it is')
    return work(transaction, row.now)
  })
}

/** Everything that is sealed, in the same order each time. */
export async function readSealedRows(source: Queryable): Promise<SealedRow[]> {
  const signing = await source.query<{ kid: string; sealed: Buffer; sealed_with: string | null }>(
    `select kid, sealed_private_key as sealed, sealed_with from signing_keys
     where sealed_private_key is not null order by kid collate "C"`,
  )
  const symmetric = await source.query<{
    purpose: string
    version: number
    sealed: Buffer
    sealed_with: string | null
  }>(
    `select purpose, version, sealed_key as sealed, sealed_with from symmetric_keys
     order by purpose collate "C", version`,
  )
  return [
    ...signing.map(({ kid, sealed, sealed_with: sealedWith }): SealedRow => {
      return { table: 'signing_keys', name: kid, context: signingKeyContext(kid), sealed, sealedWith }
    }),
    ...symmetric.map(({ purpose, version, sealed, sealed_with: sealedWith }): SealedRow => {
      const context = symmetricKeyContext({ purpose, version })
      return { table: 'symmetric_keys', name: `${purpose} ${version}`, context, sealed, sealedWith }
    }),
  ]
}

/**
 * The line to seal something new with: the first one that opens anything stored, so that every node can open it that
 * works now; the first of all on an empty database. A node with the wrong key must not leave rows behind that no other
 * node can use.
 * @throws SealingKeyProblem `wrong` when no line opens anything stored
 */
export async function requireRightSealingKey(
  transaction: Queryable,
  sealingKey: SealingKey,
): Promise<SealingKeyLine> {
  const rows = await readSealedRows(transaction)
  const lines = sealingKey.lines()
  if (rows.length === 0) return lines[0]
  const right =
    lines.find((line) => rows.some(({ sealed, context }) => opensWith([line], sealed, context))) ??
    // What it sealed is damaged, all of it; the key is the right one nevertheless.
    lines.find(({ fingerprint }) => rows.some(({ sealedWith }) => sealedWith === fingerprint))
  if (right) return right
  throw wrongSealingKey(
    sealingKey,
    rows.map(({ sealedWith }) => sealedWith),
  )
}

/** A pair that was sealed before anybody could know with which line. */
export async function underRightLine(
  transaction: Queryable,
  pair: SealedKeyPair,
  sealingKey: SealingKey,
): Promise<SealedKeyPair> {
  return resealPair(pair, sealingKey, await requireRightSealingKey(transaction, sealingKey))
}
