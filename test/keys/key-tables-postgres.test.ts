import { expect } from 'chai'
import { changeKeys } from '../../src/keys/key-tables-postgres.ts'
import { signingKeysPostgres } from '../../src/keys/signing-keys-postgres.ts'
import type { Database } from '../../src/postgres/database.ts'
import { forEachDatabase } from '../support/databases.ts'
import { SCHEDULE, STOCK_SEALING_KEY, stock } from './fixtures.ts'

/** A gate that is shut until it is opened. */
function gate() {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { open, opened }
}

/** Resolves once some connection to this database waits for an advisory lock. */
async function someoneWaits(database: Database): Promise<void> {
  for (;;) {
    const waiting = await database.query(
      `select from pg_locks where locktype = 'advisory' and not granted
         and database = (select oid from pg_database where datname = current_database())`,
    )
    if (waiting.length > 0) return
  }
}

forEachDatabase((name, open) => {
  describe('a change of the key tables', () => {
    let database: Database
    beforeEach(async () => {
      database = await open()
      await stock(database)
    })

    it('is given up by the database when its node is paused in the middle', async () => {
      const [limit] = await changeKeys(database, (transaction) =>
        transaction.query<{ idle_in_transaction_session_timeout: string }>(
          'show idle_in_transaction_session_timeout',
        ),
      )
      expect(limit).to.deep.equal({ idle_in_transaction_session_timeout: '5s' })
      const [outside] = await database.query<object>('show idle_in_transaction_session_timeout')
      expect(outside).not.to.deep.equal(limit)
    })

    // Two at once need two connections, which PGlite does not have.
    if (name === 'PostgreSQL') {
      /** Another node in the middle of a change: `work` is done, and not committed before `commit` is called. */
      async function otherNode(work: Parameters<typeof changeKeys>[1]) {
        const [reached, held] = [gate(), gate()]
        const done = changeKeys(database, async (transaction, now) => {
          await work(transaction, now)
          reached.open()
          await held.opened
          return transaction.query<{ now: Date }>('select clock_timestamp() as now')
        })
        await reached.opened
        return {
          async commit() {
            held.open()
            const [row] = await done
            return row?.now ?? new Date(Number.NaN)
          },
        }
      }

      it('K-01 waits for the one before, and sees what it did', async () => {
        const [stored] = await database.query<{ rows: string }>(
          'select json_agg(k)::text as rows from signing_keys k',
        )
        await database.query('delete from signing_keys')
        const other = await otherNode(async (transaction) => {
          await transaction.query(
            'insert into signing_keys select * from json_populate_recordset(null::signing_keys, $1)',
            [stored?.rows],
          )
        })
        const store = signingKeysPostgres({ database, sealingKey: STOCK_SEALING_KEY })
        const maintained = store.maintain(SCHEDULE)
        await Promise.race([someoneWaits(database), maintained])
        await other.commit()
        expect(await maintained).to.deep.equal([])
        expect((await store.load()).keys).to.have.length(2)
      })

      it('K-08 happens after the one before by its time, too', async () => {
        const other = await otherNode(async () => {})
        const after = changeKeys(database, async (_transaction, now) => now)
        await Promise.race([someoneWaits(database), after])
        const before = await other.commit()
        expect(await after).to.be.at.least(before)
      })
    }
  })
})
