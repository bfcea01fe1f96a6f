import { expect } from 'chai'
import { auditChainPostgres } from '../../src/audit/audit-chain-postgres.ts'
import type { Removal } from '../../src/audit/retention.ts'
import { makeSequencer } from '../../src/audit/sequencer.ts'
import { type Database, openDatabase, type Queryable } from '../../src/postgres/database.ts'
import { Unavailable } from '../../src/unavailable.ts'
import { TestClock } from '../support/clock.ts'
import { forEachDatabase } from '../support/databases.ts'
import { recordingLogger } from '../support/logger.ts'
import { openPostgres } from '../support/postgres.ts'
import { afterwards } from '../support/root-hooks.ts'
import { until } from '../support/until.ts'
import { FIRST_KEY, keyOf, openLog } from './fixtures.ts'

const HOUR_MS = 3_600_000
const AWAY = new Unavailable('postgres', 'no answer')

/** A node's sequencer on a database, and what it says. */
function startSequencer(
  database: Database,
  removal: Removal | ((signal: AbortSignal) => Promise<Removal>) = { outcome: 'nothing' },
) {
  const clock = new TestClock()
  const logger = recordingLogger()
  const node = { key: () => FIRST_KEY, removals: 0 }
  const sequencer = makeSequencer({
    chain: auditChainPostgres(database),
    key: () => node.key(),
    keyOf,
    async removeOldest(signal) {
      node.removals++
      return typeof removal === 'function' ? removal(signal) : removal
    },
    clock,
    logger,
  })
  const said = () => logger.lines.map(({ level, message }) => `${level} ${message}`)
  return { sequencer, clock, logger, node, said }
}

/** A second way to the same database, as another node has it. */
function another(url: string): Database {
  const database = openDatabase({ connectionString: url })
  afterwards(() => database.close())
  return database
}

/** Breaks off at the nth statement (BEGIN and COMMIT count): before it, or after it was done and before that is known. */
function breakingOff(database: Database, at: number, when: 'before' | 'after') {
  let statements = 0
  async function step<T>(work: () => Promise<T>): Promise<T> {
    const isHere = ++statements === at
    if (isHere && when === 'before') throw AWAY
    const result = await work()
    if (isHere) throw AWAY
    return result
  }
  const breaking: Database = {
    query: (sql, values) => step(() => database.query(sql, values)),
    run: (statement, values) => step(() => database.run(statement, values)),
    async transaction<T>(work: (transaction: Queryable) => Promise<T>) {
      const result = await database.transaction(async (transaction) =>
        work({ query: (sql, values) => step(() => transaction.query(sql, values)) }),
      )
      return step(async () => result)
    },
    close: () => database.close(),
  }
  return { breaking, hasBroken: () => statements >= at }
}

forEachDatabase((_name, open) => {
  describe('the sequencer', () => {
    let database: Database
    beforeEach(async () => {
      database = await open()
      // The first look makes the head in a database that was emptied.
      await openLog(database).chain.look()
    })

    it('chains what waits, in the order of writing', async () => {
      const log = openLog(database)
      const { sequencer } = startSequencer(database)
      await log.write(7)
      await sequencer.run()
      expect(sequencer.unchained()).to.equal(0)
      expect(await log.verify()).to.deep.include({ rows: 7, findings: [] })
      const rows = await database.query(
        'select from audit_events where position <> id - (select min(id) - 1 from audit_events)',
      )
      expect(rows).to.deep.equal([])
    })

    it('does so by itself, and stops', async () => {
      const log = openLog(database)
      const { sequencer } = startSequencer(database)
      sequencer.start()
      await log.write(1)
      await until(async () => (await log.verify()).rows === 1)
      await sequencer.stop()
      await log.write(1)
      expect((await log.verify()).rows).to.equal(1)
    })

    it('chains what waits when it is stopped', async () => {
      const log = openLog(database)
      const { sequencer } = startSequencer(database)
      await log.write(2)
      await sequencer.stop()
      expect((await log.verify()).rows).to.equal(2)
    })

    for (const when of ['before', 'after'] as const) {
      it(`broken off ${when} any statement, it leaves a chain that holds and goes on`, async () => {
        const log = openLog(database)
        let rows = 0
        for (let at = 1; ; at++) {
          await log.write(3)
          rows += 3
          const { breaking, hasBroken } = breakingOff(database, at, when)
          await startSequencer(breaking).sequencer.run()
          expect((await log.verify()).findings, `statement ${at}`).to.deep.equal([])
          if (!hasBroken()) {
            expect(at, 'statements of a round').to.be.greaterThan(4)
            break
          }
        }
        expect(await log.verify()).to.deep.include({ rows, findings: [] })
      })
    }

    it('waits for a key, and for the database, without a word more than needed', async () => {
      const log = openLog(database)
      const { sequencer, node, said } = startSequencer(database)
      await log.write(3)
      node.key = () => {
        throw new Unavailable('symmetric-keys', 'audit: not read yet')
      }
      await sequencer.run()
      await sequencer.run()
      expect(sequencer.unchained()).to.equal(3)
      expect(said()).to.deep.equal(['warn audit rows are not chained yet'])
      node.key = () => FIRST_KEY
      await sequencer.run()
      expect(said().slice(1)).to.deep.equal([
        'info the end of the audit log',
        'info audit rows are chained again',
      ])
      expect(await log.verify()).to.deep.include({ rows: 3, findings: [] })
    })

    it('tells the end of the chain every hour, where it has changed', async () => {
      const log = openLog(database)
      const { sequencer, clock, logger, node } = startSequencer(database)
      for (const written of [3, 0, 2]) {
        await log.write(written)
        await sequencer.run()
        await sequencer.run()
        clock.advance(HOUR_MS)
      }
      const told = logger.lines.map(({ fields }) => fields['head'])
      expect(told).to.have.length(2)
      expect(told[1]).to.equal(await log.head())
      expect(node.removals).to.equal(3)
    })

    it('notices that the log was cut together with its head, while it runs', async () => {
      const log = openLog(database)
      const { sequencer, said } = startSequencer(database)
      await log.write(3)
      await sequencer.run()
      await database.query('delete from audit_events where position = 3')
      await database.query(
        'update audit_chain set (position, mac) = (select position, mac from audit_events where position = 2)',
      )
      expect(await log.found(), 'control: nothing in the record shows it').to.deep.equal([])
      await sequencer.run()
      expect(said()).to.include('error the audit log was cut or replaced')
    })

    it("goes by the database's time: a node whose clock jumps chains as ever", async () => {
      const log = openLog(database)
      const { sequencer, clock, said } = startSequencer(database)
      for (const year of ['1970', '2100', '2000']) {
        clock.set(new Date(`${year}-01-01T00:00:00Z`))
        await log.write(1)
        await sequencer.run()
      }
      expect(await log.verify()).to.deep.include({ rows: 3, findings: [] })
      const wrong = await database.query(
        "select from audit_events where at not between now() - interval '1 hour' and now()",
      )
      expect(wrong).to.deep.equal([])
      expect(said().filter((line) => !line.startsWith('info'))).to.deep.equal([])
    })

    it('begins anew in a database that was emptied, but not where only the head is gone', async () => {
      const log = openLog(database)
      await database.query('truncate audit_events, audit_chain')
      const { sequencer, said } = startSequencer(database)
      await log.write(2)
      await sequencer.run()
      expect(await log.verify()).to.deep.include({ rows: 2, findings: [] })
      await database.query('delete from audit_chain')
      await log.write(1)
      await sequencer.run()
      expect(said().at(-1)).to.equal('warn audit rows are not chained yet')
      expect(await database.query('select from audit_events where position is null')).to.have.length(1)
    })

    it('a month that could not be removed because the log is damaged is an error in the log', async () => {
      const { sequencer, said } = startSequencer(database, {
        outcome: 'damaged',
        findings: [{ finding: 'missing', position: 1, until: 2 }],
      })
      await sequencer.run()
      await sequencer.stop()
      expect(said()).to.deep.equal(['error old audit rows are not removed: run keyturn audit verify'])
    })

    it('a removal that takes long, or fails, keeps no row from its place', async () => {
      const log = openLog(database)
      let fail = (_: Error) => {}
      const { sequencer, said, node, clock } = startSequencer(
        database,
        () => new Promise((_, reject) => (fail = reject)),
      )
      for (const hour of [1, 2]) {
        await log.write(hour)
        await sequencer.run()
        clock.advance(HOUR_MS)
      }
      expect(await log.verify()).to.deep.include({ rows: 3, findings: [] })
      expect(node.removals, 'one at a time').to.equal(1)
      fail(AWAY)
      await until(() => said().includes('warn old audit rows are not removed yet'))
      await sequencer.run()
      expect(node.removals, 'the next hour tries again').to.equal(2)
    })

    it('stopping ends a removal that is under way, and waits for none that does not end', async () => {
      const ending = startSequencer(database, (signal) => {
        return new Promise((resolve) => signal.addEventListener('abort', () => resolve({ outcome: 'busy' })))
      })
      const stuck = startSequencer(database, () => new Promise(() => {}))
      for (const { sequencer, clock, node } of [ending, stuck]) {
        await sequencer.run()
        clock.advance(HOUR_MS)
        const stopped = sequencer.stop()
        await until(() => clock.waiting > 0)
        if (node === stuck.node) clock.advance(1000)
        await stopped
        expect(node.removals, 'and begins no other').to.equal(1)
      }
    })

    const spoil = async () => {
      await database.query(
        'update audit_events set position = null, mac = null, key_version = null where position > 2',
      )
      await database.query(
        'update audit_chain set (position, mac) = (select position, mac from audit_events where position = 2)',
      )
      await database.query('delete from audit_events where id in (select min(id) + 2 from audit_events)')
    }

    it('notices that a tail was unchained and changed, also after other nodes have chained it anew', async () => {
      const log = openLog(database)
      const { sequencer, said } = startSequencer(database)
      await log.write(6)
      await sequencer.run()
      await spoil()
      await log.write(4)
      await log.chainAll()
      expect(await log.found(), 'control: nothing in the record shows it').to.deep.equal([])
      for (let times = 0; times < 3; times++) await sequencer.run()
      await log.write(1)
      await sequencer.run()
      const errors = said().filter((line) => line.startsWith('error'))
      expect(errors, 'once').to.deep.equal(['error the audit log was cut or replaced'])
      expect(await log.verify(), 'and goes on').to.deep.include({ rows: 10, findings: [] })
    })

    it('a floor that nobody has sealed excuses nothing', async () => {
      const log = openLog(database)
      const { sequencer, said } = startSequencer(database)
      await log.write(6)
      await sequencer.run()
      await spoil()
      await database.query('update audit_chain set floor_position = 8')
      await log.write(4)
      await sequencer.run()
      expect(said()).to.include('error the audit log was cut or replaced')
    })

    it('control: other nodes’ rows, and the removal of all that it had seen, are ordinary', async () => {
      const log = openLog(database)
      const { sequencer, said } = startSequencer(database)
      await log.write(3)
      await database.query(
        `update audit_events set at = now() - interval '14 months', month_slot = (month_slot + 2) % 14`,
      )
      await sequencer.run()
      expect(await log.removeOldest()).to.deep.equal({ outcome: 'removed', through: 3 })
      await log.write(2)
      await log.chainAll()
      for (let times = 0; times < 2; times++) {
        await sequencer.run()
        await log.write(2)
      }
      await sequencer.stop()
      expect(said().filter((line) => !line.startsWith('info'))).to.deep.equal([])
      expect((await log.verify()).findings).to.deep.equal([])
    })

    it('chains rows that are an hour older than the row before them, and names them', async () => {
      const log = openLog(database)
      const { sequencer, logger, said } = startSequencer(database)
      await log.write(1)
      await sequencer.run()
      await log.write(3)
      const [old] = await database.query<{ id: string }>(
        `update audit_events set at = at - interval '61 minutes' where id = (select max(id) - 1 from audit_events)
         returning id::text`,
      )
      await database.query(
        "update audit_events set at = at - interval '59 minutes' where id = (select max(id) from audit_events)",
      )
      await sequencer.run()
      const warnings = logger.lines.filter(({ level }) => level === 'warn')
      expect(warnings.map(({ message, fields }) => [message, fields])).to.deep.equal([
        ['audit rows were chained more than an hour late', { ids: [old?.id] }],
      ])
      expect(await log.verify()).to.deep.include({ rows: 4, findings: [] })
      expect(said().filter((line) => line.startsWith('error'))).to.deep.equal([])
    })
  })
})

describe('several sequencers on one log', () => {
  it('make one chain, whatever each of them does at the same moment', async () => {
    const { database, url } = await openPostgres()
    const log = openLog(database)
    const nodes = [database, another(url), another(url)].map((connection) => startSequencer(connection))
    let written = 0
    for (let round = 0; round < 20; round++) {
      const writes = [1, 5, 40].map((count) => log.write(count))
      await Promise.all([...writes, ...nodes.map(({ sequencer }) => sequencer.run())])
      written += 46
    }
    await Promise.all(nodes.map(({ sequencer }) => sequencer.stop()))
    expect(await log.verify()).to.deep.include({ rows: written, findings: [] })
    const [row] = await database.query<{ positions: string }>(
      'select count(distinct position) as positions from audit_events',
    )
    expect(Number(row?.positions)).to.equal(written)
    expect(nodes.flatMap(({ said }) => said()).filter((line) => !line.startsWith('info'))).to.deep.equal([])
  })

  it('say so each when the log is rewritten between their look and their hold of the chain', async () => {
    const { database, url } = await openPostgres()
    const log = openLog(database)
    const attacker = another(url)
    const nodes = [database, another(url)].map((connection) => startSequencer(connection))
    await log.write(50)
    for (const { sequencer } of nodes) await sequencer.run()
    await log.write(3)
    let running: Promise<void> | undefined
    await attacker.transaction(async (transaction) => {
      await transaction.query('lock table audit_chain in exclusive mode')
      running = nodes[0]?.sequencer.run()
      const waiting = "select from pg_locks where not granted and relation = 'audit_chain'::regclass"
      await until(async () => (await attacker.query(waiting)).length > 0)
      await transaction.query(
        'update audit_events set position = null, mac = null, key_version = null where position > 10',
      )
      await transaction.query(
        'update audit_chain set (position, mac) = (select position, mac from audit_events where position = 10)',
      )
      await transaction.query('delete from audit_events where id = (select min(id) + 19 from audit_events)')
      await transaction.query(
        "update audit_events set actor = 'user:innocent' where id = (select min(id) + 20 from audit_events)",
      )
    })
    await running
    for (const { sequencer } of nodes) await sequencer.run()
    expect(await log.verify(), 'control: nothing in the record shows it').to.deep.include({ findings: [] })
    for (const { said } of nodes) {
      expect(said().filter((line) => line.startsWith('error'))).to.deep.equal([
        'error the audit log was cut or replaced',
      ])
    }
  })

  it('do not wait for one that holds the chain and does nothing', async () => {
    const { database, url } = await openPostgres()
    const log = openLog(database)
    await log.write(1)
    const other = another(url)
    await other.transaction(async (transaction) => {
      await transaction.query('select from audit_chain for update')
      expect(await log.chain.extend(FIRST_KEY)).to.deep.equal({ outcome: 'busy' })
    })
    expect(await log.chain.extend(FIRST_KEY)).to.include({ outcome: 'extended', rows: 1 })
  })

  it('a row that commits late, with a lower id than chained ones, gets a later place', async () => {
    const { database, url } = await openPostgres()
    const log = openLog(database)
    const late = openLog(another(url))
    await another(url).transaction(async (transaction) => {
      await transaction.query(
        "insert into audit_events (at, event, actor) values (now(), 'user.created', 'late')",
      )
      await log.write(3)
      await log.chainAll()
    })
    await late.chainAll()
    const [first] = await database.query('select actor, position from audit_events order by id limit 1')
    expect(first).to.deep.equal({ actor: 'late', position: '4' })
    expect(await log.verify()).to.deep.include({ rows: 4, findings: [] })
  })

  it('ten thousand rows that wait are chained in short transactions, and verify page by page', async () => {
    const { database } = await openPostgres()
    const log = openLog(database)
    await database.query(
      `insert into audit_events (at, event, actor) select now(), 'user.created', 'operator' from generate_series(1, 10000)`,
    )
    let transactions = 0
    const counting: Database = {
      ...database,
      transaction: (work) => {
        transactions++
        return database.transaction(work)
      },
    }
    const { sequencer } = startSequencer(counting)
    await sequencer.run()
    expect(sequencer.unchained()).to.equal(0)
    expect(transactions).to.equal(10)
    expect(await log.verify()).to.deep.include({ rows: 10_000, findings: [] })
  })
})
