import { openEmbedded } from '../../src/embedded/open-embedded.ts'
import { openDatabase } from '../../src/postgres/database.ts'

/** A process that writes numbers, one a transaction, and reports each only when it is committed; until it is killed. */
const [, , directory = '', seedFolder = ''] = process.argv
const { settings } = await openEmbedded({ directory, seedFolder })
const database = openDatabase(settings)
await database.query('create table if not exists numbers (n int primary key)')
for (let n = 0; ; n++) {
  await database.transaction((tx) => tx.query('insert into numbers values ($1)', [n]))
  process.send?.(n)
}
