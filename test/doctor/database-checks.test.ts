import { expect } from 'chai'
import { type DatabaseFacts, databaseChecks } from '../../src/doctor/database-checks.ts'
import { lookAtDatabase } from '../../src/doctor/database-facts-postgres.ts'
import { TestClock } from '../support/clock.ts'
import { forEachDatabase } from '../support/databases.ts'

const HEALTHY: DatabaseFacts = {
  versionNumber: 160004,
  isReadOnly: false,
  offsetMs: 3,
  roundTripMs: 2,
  pending: [],
}

function statusOf(check: string, facts: Partial<DatabaseFacts>, isEmbedded = false) {
  const result = databaseChecks({ ...HEALTHY, ...facts }, isEmbedded).find((result) => result.check === check)
  return result ?? expect.fail(`there is no check ${check}`)
}

describe('the doctor and the database', () => {
  it('finds nothing wrong with a healthy one', () => {
    for (const result of databaseChecks(HEALTHY, false)) {
      expect(result, result.check).to.include({ status: 'ok', advice: null })
    }
  })

  for (const [version, found, status] of [
    [140012, 'PostgreSQL 14.12', 'fail'],
    [150000, 'PostgreSQL 15.0', 'ok'],
    [180006, 'PostgreSQL 18.6', 'ok'],
  ] as const) {
    it(`${found} is ${status}`, () => {
      expect(statusOf('database version', { versionNumber: version })).to.include({ status, found })
    })
  }

  it('a standby is found', () => {
    expect(statusOf('database', { isReadOnly: true }).status).to.equal('fail')
  })

  it('a schema that is behind fails on a server, and is only noted where the next start migrates', () => {
    expect(statusOf('schema', { pending: ['0009-x'] })).to.include({
      status: 'fail',
      advice: 'run keyturn migrate',
    })
    expect(statusOf('schema', { pending: ['0009-x'] }, true).status).to.equal('warn')
  })

  for (const [offsetMs, roundTripMs, status] of [
    [999, 0, 'ok'],
    [-1001, 0, 'warn'],
    [30_000, 0, 'warn'],
    [30_001, 0, 'fail'],
    [-3_600_000, 0, 'fail'],
    // Half of a slow round trip may be the whole of the offset.
    [1400, 1000, 'ok'],
    [1600, 1000, 'warn'],
  ] as const) {
    it(`a clock that is off by ${offsetMs} ms, asked within ${roundTripMs} ms, is ${status}`, () => {
      expect(statusOf('clock', { offsetMs, roundTripMs }).status).to.equal(status)
    })
  }

  it('says which way the clock is off', () => {
    expect(statusOf('clock', { offsetMs: -2500 }).found).to.equal(
      "the database's clock is 2.500 s behind this machine's",
    )
    expect(statusOf('clock', { offsetMs: 2500 }).found).to.include('ahead of')
  })

  it('one that does not answer fails once, and the rest is skipped with the reason', () => {
    const results = databaseChecks({ status: 'fail', reason: 'connect ECONNREFUSED' }, false)
    expect(results.map(({ status }) => status)).to.deep.equal(['fail', 'skipped', 'skipped', 'skipped'])
    expect(results[0]).to.include({ found: 'connect ECONNREFUSED' })
  })

  it('one that another process has is skipped, which is no failure', () => {
    const results = databaseChecks({ status: 'skipped', reason: 'the running process has it' }, true)
    expect(results.map(({ status }) => status)).to.deep.equal(['skipped', 'skipped', 'skipped', 'skipped'])
  })

  forEachDatabase((name, open) => {
    it('is asked for what it is', async () => {
      const database = await open()
      const [row] = await database.query<{ now: Date }>('select clock_timestamp() as now')
      const facts = await lookAtDatabase(database, new TestClock(row?.now))
      expect(facts).to.deep.include({ isReadOnly: false, pending: [], roundTripMs: 0 })
      expect(facts.versionNumber).to.be.at.least(150000)
      if (name === 'PGlite') expect(facts.versionNumber).to.be.at.least(180000)
    })

    it('an hour between its clock and ours is found, and a missing table of ours, too', async () => {
      const database = await open()
      const [row] = await database.query<{ late: Date }>(
        "select clock_timestamp() + interval '1 hour' as late",
      )
      await database.query("delete from schema_migrations where name = '0005-audit'")
      const facts = await lookAtDatabase(database, new TestClock(row?.late))
      expect(statusOf('clock', facts))
        .to.include({ status: 'fail' })
        .and.to.have.property('found')
        .includes('behind')
      expect(statusOf('schema', facts).found).to.equal('it lacks 0005-audit')
    })
  })
})
