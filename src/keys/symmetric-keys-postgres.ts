import { recordAudit } from '../audit/audit-postgres.ts'
import type { Database, Queryable } from '../postgres/database.ts'
import { changeKeys, requireRightSealingKey } from './key-tables-postgres.ts'
import { type SealingKey, wrongSealingKey } from './sealing-key.ts'
import {
  earliestSymmetricActivation,
  openSymmetricKey,
  requireSymmetricDelay,
  type SymmetricKey,
  type SymmetricPurpose,
  sealNewSymmetricKey,
} from './symmetric-key.ts'
import type { SymmetricKeys } from './symmetric-keys.ts'

/** Symmetric keys in PostgreSQL. */
export function symmetricKeysPostgres({
  database,
  sealingKey,
}: {
  database: Database
  sealingKey: SealingKey
}): SymmetricKeys {
  return {
    async load(purpose) {
      const rows = await database.query<Row>(
        `select clock.now, version, sealed_key, activates_at
         from (select clock_timestamp() as now) as clock left join symmetric_keys on purpose = $1
         order by version`,
        [purpose],
      )
      const [first] = rows
      if (!first) throw new Error('the database did not say what time it is')
      const keys: SymmetricKey[] = []
      const unopened: number[] = []
      for (const { version, sealed_key, activates_at } of rows) {
        if (version === null) continue
        const key = openOrNot({ purpose, version }, sealed_key, sealingKey)
        if (key) keys.push({ version, key, activatesAt: activates_at })
        else unopened.push(version)
      }
      if (keys.length === 0 && unopened.length > 0) throw wrongSealingKey(sealingKey)
      return { keys, unopened, now: first.now }
    },

    ensure: (purpose) =>
      changeKeys(database, async (transaction, now) => {
        if ((await latestVersion(transaction, purpose)) > 0) return
        await insertVersion(transaction, { purpose, version: 1 }, now, now, 'keyturn')
      }),

    add: (purpose, { schedule, actor, activatesAt: asked }) =>
      changeKeys(database, async (transaction, now) => {
        const version = (await latestVersion(transaction, purpose)) + 1
        const earliest = version === 1 ? now : earliestSymmetricActivation(now, schedule)
        const activatesAt = asked ?? earliest
        if (version > 1) requireSymmetricDelay(activatesAt, now, schedule)
        await insertVersion(transaction, { purpose, version }, activatesAt, now, actor)
        return { version, activatesAt }
      }),
  }

  async function insertVersion(
    transaction: Queryable,
    row: { purpose: SymmetricPurpose; version: number },
    activatesAt: Date,
    now: Date,
    actor: string,
  ): Promise<void> {
    await requireRightSealingKey(transaction, sealingKey)
    await transaction.query(
      `insert into symmetric_keys (purpose, version, sealed_key, activates_at, created_at)
       values ($1, $2, $3, $4, $5)`,
      [row.purpose, row.version, sealNewSymmetricKey(row, sealingKey), activatesAt, now],
    )
    const details = { ...row, activates_at: activatesAt.toISOString() }
    await recordAudit(transaction, { event: 'symmetric_key.created', actor, details })
  }
}

interface Row {
  now: Date
  version: number | null
  sealed_key: Buffer
  activates_at: Date
}

function openOrNot(row: { purpose: string; version: number }, sealed: Buffer, sealingKey: SealingKey) {
  try {
    return openSymmetricKey(row, sealed, sealingKey)
  } catch {
    return undefined
  }
}

/** The highest version of a purpose; 0 where there is none. */
async function latestVersion(transaction: Queryable, purpose: SymmetricPurpose): Promise<number> {
  const [row] = await transaction.query<{ latest: number }>(
    'select coalesce(max(version), 0) as latest from symmetric_keys where purpose = $1',
    [purpose],
  )
  return row?.latest ?? 0
}
