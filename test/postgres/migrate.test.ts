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
    expect(ran.flat()).to.deep.equal(NAMES)
    expect(await pendingMigrations(database)).to.deep.equal([])
    expect(await migrate(settings)).to.deep.equal([])
  })

  it('a migration that fails leaves nothing behind, and no lock that somebody has to free', async () => {
    const { settings, database } = await emptyServer()
    await database.query('create table sessions (in_the_way integer)')
    expect(await migrate(settings).catch((error: Error) => error.message)).to.match(/sessions/)
    expect(await pendingMigrations(database)).to.deep.equal(NAMES)
    await database.query('drop table sessions')
    expect(await migrate(settings)).to.deep.equal(NAMES)
  })

  it('a server that is down is `Unavailable`, not a failed migration', async () => {
    const { server, settings } = await emptyServer()
    await server.kill()
    expect(await migrate(settings).catch((error: Error) => error.name)).to.equal('Unavailable')
  })
})
