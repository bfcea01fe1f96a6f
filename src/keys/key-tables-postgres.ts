import type { Database, Queryable } from '../postgres/database.ts'
import { opensSigningKey } from './key-material.ts'
import { type SealingKey, wrongSealingKey } from './sealing-key.ts'
import { opensSymmetricKey } from './symmetric-key.ts'

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

/**
 * Refuses to seal anything new with a key that opens nothing of what is stored: a node with the wrong file must not
 * leave keys behind that no other node can use.
 * @throws SealingKeyProblem `wrong`
 */
export async function requireRightSealingKey(transaction: Queryable, sealingKey: SealingKey): Promise<void> {
  const signing = await transaction.query<{ kid: string; sealed: Buffer }>(
    'select kid, sealed_private_key as sealed from signing_keys where sealed_private_key is not null',
  )
  const symmetric = await transaction.query<{ purpose: string; version: number; sealed: Buffer }>(
    'select purpose, version, sealed_key as sealed from symmetric_keys',
  )
  const isRight =
    signing.some(({ kid, sealed }) => opensSigningKey(kid, sealed, sealingKey)) ||
    symmetric.some(({ purpose, version, sealed }) =>
      opensSymmetricKey({ purpose, version }, sealed, sealingKey),
    )
  if (!isRight && signing.length + symmetric.length > 0) throw wrongSealingKey(sealingKey)
}
