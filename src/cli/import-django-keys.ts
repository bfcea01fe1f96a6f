import type { Unusable } from '../django/credential-rows.ts'
import type { DjangoRecord } from '../django/record.ts'
import type { DjangoSource } from '../django-source.ts'
import type { OperationName } from '../operations.ts'
import { batches } from './batches.ts'
import type { Context } from './context.ts'
import type { Count, Refused } from './import-django-answer.ts'

/** What the import of keys works with. */
export interface KeyParts {
  readonly ask: Context['ask']
  readonly source: DjangoSource
  readonly isDryRun: boolean
  /** Is added to. */
  readonly refused: Refused[]
}

/**
 * Takes the records of one model over. One that has no place here is counted as refused, and one without a row is not counted.
 */
export async function importKeys<Row extends object>(
  parts: KeyParts,
  model: string,
  operation: OperationName,
  toRow: (record: DjangoRecord) => Row | Unusable | undefined,
): Promise<Count> {
  const count = { found: 0, added: 0, present: 0, refused: 0 }
  for await (const batch of batches(mapped(parts.source, model, toRow))) {
    const usable: Row[] = []
    for (const [at, row] of batch.entries()) {
      if (!('problem' in row)) usable.push(row)
      // Neither a key nor a hash is shown: the place in the export says which one it is.
      else
        parts.refused.push({
          model,
          record: `${count.found + at + 1}`,
          error: 'key_unusable',
          message: row.problem,
        })
    }
    const added =
      parts.isDryRun || usable.length === 0 ? 0 : await parts.ask<number>(operation, { rows: usable })
    count.added += parts.isDryRun ? usable.length : added
    count.present += parts.isDryRun ? 0 : usable.length - added
    count.refused += batch.length - usable.length
    count.found += batch.length
    progress(model, count.found)
  }
  return count
}

/** What the records of a model come to. */
export async function* mapped<Row extends object>(
  source: DjangoSource,
  model: string,
  toRow: (record: DjangoRecord, at: number) => Row | undefined,
): AsyncGenerator<Row> {
  let at = 0
  for await (const record of source.recordsOf(model)) {
    const row = toRow(record, ++at)
    if (row !== undefined) yield row
  }
}

/** Says how far it is, on stderr. */
export function progress(model: string, count: number): void {
  process.stderr.write(`${model}: ${count}\n`)
}
