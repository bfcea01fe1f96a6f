import { expect } from 'chai'
import { MIGRATIONS } from '../../migrations/all.ts'
import { openDatabase } from '../../src/postgres/database.ts'
import { migrate, pendingMigrations } from '../../src/postgres/migrate.ts'
import { startPostgres } from '../support/postgres.ts'
import { afterwards } from '../support/root-hooks.ts'

const NAMES = MIGRATIONS.map(({ name }) => name)

describe('migrations', () => {
  async function emptyServer() {
    const server = await startPostgres()
    const settings = { connectionString: server.url }
    const database = openDatabase(settings)
    afterwards(async () => {
      await database.close()
      await server.stop()
    })
    return { server, settings, database }
  }

  it('two nodes that start at once migrate an empty database once', async () => {
    const { settings, database } = await emptyServer()
    expect(await pendingMigrations(database)).to.deep.equal(NAMES)
    const ran = await Promise.all([migrate(settings), migrate(settings), migrate(settings)])
    expect(ran.flat()).to.have.members(NAMES)
    expect(await pendingMigrations(database)).to.deep.equal([])
    expect(await migrate(settings)).to.deep.equal([])
  })

  it('a migration that fails leaves nothing of itself behind, and no lock; those before it are done', async () => {
    const { settings, database } = await emptyServer()
    await database.query('create table sessions (in_the_way integer)')
    expect(await migrate(settings).catch((error: Error) => error.message)).to.match(/sessions/)
    const pending = NAMES.slice(NAMES.indexOf('0003-sessions'))
    expect(await pendingMigrations(database)).to.deep.equal(pending)
    await database.query('drop table sessions')
    expect(await migrate(settings)).to.deep.equal(pending)
  })

  it('F-503 a schema that a newer version made is refused by name, and left as it is', async () => {
    const { settings, database } = await emptyServer()
    await migrate(settings)
    await database.query(
      "insert into schema_migrations (name, batch, migration_time) values ('9999-later', 2, now())",
    )
    const refused = await migrate(settings).catch((error: Error) => error)
    expect(refused).to.include({ name: 'Refusal', code: 'schema_newer' })
    expect((refused as Error).message).to.include('9999-later')
    expect(
      await database.query("select name from schema_migrations where name = '9999-later'"),
    ).to.have.length(1)
  })

  it('a server that is down is `Unavailable`, not a failed migration', async () => {
    const { server, settings } = await emptyServer()
    await server.kill()
    expect(await migrate(settings).catch((error: Error) => error.name)).to.equal('Unavailable')
  })
})
