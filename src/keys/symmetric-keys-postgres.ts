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
  sealSymmetricKey,
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
        `select clock.now, version, sealed_key, activates_at, sealed_with
         from (select clock_timestamp() as now) as clock left join symmetric_keys on purpose = $1
         order by version`,
        [purpose],
      )
      const [first] = rows
      if (!first) throw new Error('the database did not say what time it is')
      let opened = openAll(purpose, rows, sealingKey)
      if (opened.unopened.length > 0) {
        await sealingKey.reread('unopened')
        opened = openAll(purpose, rows, sealingKey)
      }
      if (opened.keys.length === 0 && opened.unopened.length > 0) {
        const sealedWith = rows.map(({ sealed_with }) => sealed_with)
        const hasSealed = sealingKey.lines().some(({ fingerprint }) => sealedWith.includes(fingerprint))
        if (!hasSealed) throw wrongSealingKey(sealingKey, sealedWith)
      }
      return { ...opened, now: first.now }
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

    takeOver: (purpose, key, actor, said) =>
      changeKeys(database, async (transaction, now) => {
        const version = (await latestVersion(transaction, purpose)) + 1
        await insertVersion(transaction, { purpose, version }, now, now, actor, { key, said })
      }),
  }

  async function insertVersion(
    transaction: Queryable,
    row: { purpose: SymmetricPurpose; version: number },
    activatesAt: Date,
    now: Date,
    actor: string,
    taken?: { key: Uint8Array; said: Readonly<Record<string, string | boolean>> },
  ): Promise<void> {
    const line = await requireRightSealingKey(transaction, sealingKey)
    const sealed = taken ? sealSymmetricKey(row, taken.key, line) : sealNewSymmetricKey(row, line)
    await transaction.query(
      `insert into symmetric_keys (purpose, version, sealed_key, activates_at, created_at, sealed_with)
       values ($1, $2, $3, $4, $5, $6)`,
      [row.purpose, row.version, sealed, activatesAt, now, line.fingerprint],
    )
    const details = { ...row, activates_at: activatesAt.toISOString(), ...taken?.said }
    await recordAudit(transaction, { event: 'symmetric_key.created', actor, details })
  }
}

interface Row {
  now: Date
  version: number | null
  sealed_key: Buffer
  activates_at: Date
  sealed_with: string | null
}

function openAll(purpose: SymmetricPurpose, rows: readonly Row[], sealingKey: SealingKey) {
  const keys: SymmetricKey[] = []
  const unopened: number[] = []
  for (const { version, sealed_key, activates_at } of rows) {
    if (version === null) continue
    try {
      const key = openSymmetricKey({ purpose, version }, sealed_key, sealingKey)
      keys.push({ version, key, activatesAt: activates_at })
    } catch {
      unopened.push(version)
    }
  }
  return { keys, unopened }
}

/** The highest version of a purpose; 0 where there is none. */
async function latestVersion(transaction: Queryable, purpose: SymmetricPurpose): Promise<number> {
  const [row] = await transaction.query<{ latest: number }>(
    'select coalesce(max(version), 0) as latest from symmetric_keys where purpose = $1',
    [purpose],
  )
  return row?.latest ?? 0
}
