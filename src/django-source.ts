import { readFile } from 'node:fs/promises'
import { readDjangoModel } from './django/django-postgres.ts'
import { readDumpdata } from './django/dumpdata.ts'
import type { DjangoRecord } from './django/record.ts'
import { openDatabase } from './postgres/database.ts'
import { Refusal } from './refusal.ts'

/** Where a Django project is read from. */
export interface DjangoSource {
  /** The records of one model, in the same order each time. */
  recordsOf(model: string): AsyncIterable<DjangoRecord>
  /** How many records there are of each other model, as far as the source tells. */
  countOthers(known: readonly string[]): Record<string, number>
  close(): Promise<void>
}

/**
 * Opens a Django database (`postgres://…`), or a file that `manage.py dumpdata` has written.
 * @throws Refusal where the file cannot be read
 */
export async function openDjangoSource(source: string, userTable: string): Promise<DjangoSource> {
  if (/^postgres(ql)?:\/\//.test(source)) {
    const database = openDatabase({ connectionString: source, max: 1, application_name: 'keyturn import' })
    return {
      recordsOf: (model) => readDjangoModel(database, model, userTable),
      countOthers: () => ({}),
      close: () => database.close(),
    }
  }
  const text = await readFile(source, 'utf8').catch((error: NodeJS.ErrnoException) => {
    const tooLong = error.code === 'ERR_STRING_TOO_LONG' || error.code === 'ERR_FS_FILE_TOO_LARGE'
    const why = tooLong ? 'it is over 512 MB: give the URL of the database instead' : error.code
    throw new Refusal('file_unreadable', `${source} cannot be read (${why})`)
  })
  const records = [...readDumpdata(text)]
  return {
    async *recordsOf(model) {
      yield* records.filter((record) => record.model === model)
    },
    countOthers(known) {
      const others: Record<string, number> = {}
      for (const { model } of records) if (!known.includes(model)) others[model] = (others[model] ?? 0) + 1
      return others
    },
    close: async () => {},
  }
}
