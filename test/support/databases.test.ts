import { expect } from 'chai'
import { pendingMigrations } from '../../src/postgres/migrate.ts'
import { forEachDatabase } from './databases.ts'
import { openRedis } from './redis.ts'

forEachDatabase((_name, open) => {
  const insert = "insert into users (id, username, joined_at) values ('1', 'ada', now())"

  for (const time of ['first', 'second']) {
    it(`a test gets a migrated, empty database (${time} time)`, async () => {
      const database = await open()
      expect(await pendingMigrations(database)).to.deep.equal([])
      expect(await database.query('select id from users')).to.deep.equal([])
      await database.query(insert)
    })
  }

  it('two databases of one test are two', async () => {
    const [one, other] = [await open(), await open()]
    await one.query(insert)
    expect(await other.query('select id from users')).to.deep.equal([])
  })

  it('a test may break the schema …', async () => {
    await (await open()).query('alter table users rename to gone')
  })

  it('… and the next has it whole', async () => {
    expect(await (await open()).query('select id from users')).to.deep.equal([])
  })
})

describe('Redis', () => {
  for (const time of ['first', 'second']) {
    it(`a test gets an empty database (${time} time)`, async () => {
      const { client } = await openRedis()
      expect(await client.dbsize()).to.equal(0)
      await client.set('key', 'value')
    })
  }

  it('two databases of one test are two', async () => {
    const [one, other] = [await openRedis(), await openRedis()]
    await one.client.set('key', 'value')
    expect(await other.client.get('key')).to.equal(null)
  })
})
