import { fork } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect } from 'chai'
import { MIGRATIONS } from '../../migrations/all.ts'
import { openEmbedded } from '../../src/embedded/open-embedded.ts'
import { makeSeed, readSeed, unpackSeed, writeSeed } from '../../src/embedded/seed.ts'
import { openDatabase } from '../../src/postgres/database.ts'
import { pendingMigrations } from '../../src/postgres/migrate.ts'
import { openPglite } from '../../src/postgres/pglite.ts'
import { Refusal } from '../../src/refusal.ts'

describe('the database of embedded mode', () => {
  let root: string
  let seedFolder: string
  let directory: string

  before(async () => {
    root = mkdtempSync(join(tmpdir(), 'keyturn-embedded-'))
    seedFolder = join(root, 'seed')
    mkdirSync(seedFolder)
    writeSeed(seedFolder, await makeSeed())
  })
  after(() => rmSync(root, { recursive: true }))
  beforeEach(() => {
    directory = join(mkdtempSync(join(root, 'case-')), 'data')
  })

  it('is made from the seed at the first start and has the same rows at the second', async () => {
    const first = await openEmbedded({ directory, seedFolder })
    expect(first.isNew).to.equal(true)
    const database = openDatabase(first.settings)
    expect(await pendingMigrations(database)).to.deep.equal([])
    await database.query('create table kept (n int)')
    await database.query('insert into kept values (7)')
    await database.close()
    await first.close()

    const second = await openEmbedded({ directory, seedFolder })
    expect(second.isNew).to.equal(false)
    const again = openDatabase(second.settings)
    expect(await again.query('select n from kept')).to.deep.equal([{ n: 7 }])
    await again.close()
    await second.close()
  })

  it('is made without a seed too, and lacks no migration', async () => {
    const opened = await openEmbedded({ directory, seedFolder: join(root, 'no seed here') })
    const database = openDatabase(opened.settings)
    expect(await pendingMigrations(database)).to.deep.equal([])
    await database.close()
    await opened.close()
  })

  it('runs the migrations that an older database lacks', async () => {
    const older = join(root, 'older')
    mkdirSync(older)
    const empty = await openPglite({})
    writeSeed(older, await empty.dump())
    await empty.close()

    const opened = await openEmbedded({ directory, seedFolder: older })
    const database = openDatabase(opened.settings)
    expect(await pendingMigrations(database)).to.deep.equal([])
    expect(await database.query('select id from users')).to.deep.equal([])
    await database.close()
    await opened.close()
  })

  it('keeps everything that was committed when the process is killed, and is free for the next', async () => {
    const writer = fork(new URL('./write-until-killed.ts', import.meta.url), [directory, seedFolder], {
      execArgv: ['--import', 'tsx'],
    })
    let last = -1
    const enough = new Promise<void>((resolve) => {
      writer.on('message', (n: number) => {
        last = n
        if (n === 200) resolve()
      })
    })
    await enough
    const busy = await openEmbedded({ directory, seedFolder }).catch((error: Error) => error)
    expect(busy).to.be.instanceOf(Refusal).with.property('code', 'data_directory_in_use')
    const closed = once(writer, 'close')
    writer.kill('SIGKILL')
    await closed

    const opened = await openEmbedded({ directory, seedFolder })
    const database = openDatabase(opened.settings)
    const [row] = await database.query<{ count: number }>(
      'select count(*)::int as count from numbers where n <= $1',
      [last],
    )
    expect(row?.count).to.equal(last + 1)
    await database.close()
    await opened.close()
  })

  it('begins anew after a first start that was killed while it unpacked', async () => {
    mkdirSync(join(directory, 'postgres.new'), { recursive: true })
    writeFileSync(join(directory, 'postgres.new', 'PG_VERSION'), 'half a database')
    const opened = await openEmbedded({ directory, seedFolder })
    expect(opened.isNew).to.equal(true)
    expect(existsSync(join(directory, 'postgres.new'))).to.equal(false)
    await opened.close()
  })

  it('nobody but its owner can read it, even where the directory was open before', async () => {
    mkdirSync(directory)
    chmodSync(directory, 0o755)
    const opened = await openEmbedded({ directory, seedFolder })
    expect(statSync(directory).mode & 0o777).to.equal(0o700)
    expect(statSync(join(directory, 'postgres')).mode & 0o777).to.equal(0o700)
    await opened.close()
  })

  it('a database of another PostgreSQL is refused with what to do, untouched, and given back', async () => {
    mkdirSync(join(directory, 'postgres'), { recursive: true })
    writeFileSync(join(directory, 'postgres', 'PG_VERSION'), '17\n')
    for (let attempt = 0; attempt < 2; attempt++) {
      const failure = await openEmbedded({ directory, seedFolder }).catch((error: Error) => error)
      expect(failure).to.be.instanceOf(Refusal).with.property('code', 'data_directory_version')
      expect(failure).to.have.property('message').that.contains('PostgreSQL 17')
    }
    expect(readdirSync(join(directory, 'postgres'))).to.deep.equal(['PG_VERSION'])
  })

  it('a database that is damaged is refused with what PostgreSQL says, and the directory given back', async () => {
    mkdirSync(join(directory, 'postgres'), { recursive: true })
    writeFileSync(join(directory, 'postgres', 'PG_VERSION'), '18\n')
    for (let attempt = 0; attempt < 2; attempt++) {
      const failure = await openEmbedded({ directory, seedFolder }).catch((error: Error) => error)
      expect(failure).to.be.instanceOf(Refusal).with.property('code', 'data_directory_damaged')
      expect(failure).to.have.property('message').that.contains('postgresql.conf')
    }
  })

  it('a seed of other migrations or of another PostgreSQL is not used', async () => {
    const other = join(root, 'other')
    mkdirSync(other)
    writeSeed(other, Buffer.from('seed'))
    expect(readSeed(other)?.toString()).to.equal('seed')
    const names = MIGRATIONS.map(({ name }) => name)
    writeFileSync(join(other, 'seed.json'), JSON.stringify({ postgres: 18, migrations: names.slice(0, 2) }))
    expect(readSeed(other)?.toString()).to.equal('seed')
    writeFileSync(
      join(other, 'seed.json'),
      JSON.stringify({ postgres: 18, migrations: [...names, '9999-unknown'] }),
    )
    expect(readSeed(other)).to.equal(undefined)
    writeFileSync(join(other, 'seed.json'), JSON.stringify({ postgres: 17, migrations: names }))
    expect(readSeed(other)).to.equal(undefined)
  })

  it('a seed cannot write outside its directory', () => {
    const header = Buffer.alloc(1024)
    header.write('../outside', 0)
    header.write('00000000000', 124)
    header.write('0', 156)
    expect(() => unpackSeed(gzipSync(header), directory)).to.throw('the seed contains ../outside')
    expect(existsSync(join(directory, '../outside'))).to.equal(false)
    header.write('inside\0\0\0\0', 0)
    unpackSeed(gzipSync(header), directory)
    expect(existsSync(join(directory, 'inside'))).to.equal(true)
  })
})
