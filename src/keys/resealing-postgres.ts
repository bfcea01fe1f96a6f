import { createHash } from 'node:crypto'
import { recordAudit } from '../audit/audit-postgres.ts'
import { seal } from '../crypto/envelope.ts'
import type { Database, Queryable } from '../postgres/database.ts'
import { changeKeys, readSealedRows } from './key-tables-postgres.ts'
import { nodesPostgres } from './nodes-postgres.ts'
import { type Resealing, requireAllHold, requireAllOpen } from './resealing.ts'
import { openWith, type SealingKey, type SealingKeyLine, wrongSealingKey } from './sealing-key.ts'
import { type SealedRow, sealingUse } from './sealing-use.ts'

/** A node reports at each reading, every 15 s: one that has not for so long is gone. */
const LIVE_SECONDS = 60

/** Resealing in PostgreSQL: one transaction under the lock of the key tables. */
export function resealingPostgres({
  database,
  sealingKey,
}: {
  database: Database
  sealingKey: SealingKey
}): Resealing {
  return {
    async reseal({ isInsisted }, actor) {
      await sealingKey.requireReread()
      return changeKeys(database, async (transaction) => {
        const lines = sealingKey.lines()
        const [first] = lines
        const rows = await readSealedRows(transaction)
        const use = sealingUse(rows, lines)
        if (rows.length > 0 && use.unopened.length === rows.length) {
          throw wrongSealingKey(
            sealingKey,
            rows.map(({ sealedWith }) => sealedWith),
          )
        }
        requireAllOpen(use)
        const live = await nodesPostgres(transaction).live(LIVE_SECONDS)
        const without = live.filter((node) => !node.sealingKeys.includes(first.fingerprint))
        if (use.behind > 0 && !isInsisted) requireAllHold(without, first.fingerprint)

        const before = digests(rows, sealingKey)
        for (const row of rows) await resealRow(transaction, row, sealingKey)
        const after = await readSealedRows(transaction)
        requireSame(before, digests(after, { open: (sealed, context) => openWith([first], sealed, context) }))

        const { fingerprint } = first
        const nodesWithout = without.map(({ id }) => id)
        if (use.behind > 0) {
          const details = { fingerprint, rows: use.behind, nodes_without: nodesWithout.join(' ') || null }
          await recordAudit(transaction, { event: 'sealing_key.resealed', actor, details })
        }
        return {
          outcome: use.behind > 0 ? 'resealed' : 'already_sealed',
          fingerprint,
          rows: rows.length,
          resealed: use.behind,
          idleLines: sealingKey.fingerprints.filter((name) => name !== fingerprint),
          nodesWithout,
        } as const
      })
    },
  }
}

/** Seals a row with the first line; where that has sealed it, only sees that the row says so. */
async function resealRow(transaction: Queryable, row: SealedRow, sealingKey: SealingKey): Promise<void> {
  const [first] = sealingKey.lines()
  const { opened, line } = sealingKey.open(row.sealed, row.context)
  const isDone = line.fingerprint === first.fingerprint
  const sealed = isDone ? row.sealed : seal(first.bytes, opened, row.context)
  opened.fill(0)
  if (isDone && row.sealedWith === first.fingerprint) return
  const column = row.table === 'signing_keys' ? 'sealed_private_key' : 'sealed_key'
  const changed = await transaction.query(
    `update ${row.table} set ${column} = $2, sealed_with = $3 where ${column} = $1 returning 1`,
    [row.sealed, sealed, first.fingerprint],
  )
  if (changed.length !== 1) throw new Error(`${row.name} was not resealed`)
}

type Opener = (
  sealed: Uint8Array,
  context: string,
) => { readonly opened: Buffer; readonly line: SealingKeyLine }

/** What the rows hold, by name, as digests: compared, not kept. */
function digests(rows: readonly SealedRow[], { open }: { open: Opener }): Map<string, string> {
  return new Map(
    rows.map(({ table, name, sealed, context }) => {
      const { opened } = open(sealed, context)
      const digest = createHash('sha256').update(opened).digest('base64')
      opened.fill(0)
      return [`${table} ${name}`, digest]
    }),
  )
}

/** What is about to be committed opens with the new line alone, and is what it was. */
function requireSame(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): void {
  const isSame =
    before.size === after.size && [...before].every(([name, digest]) => after.get(name) === digest)
  if (!isSame) throw new Error('what was resealed is not what was there: nothing was changed')
}
