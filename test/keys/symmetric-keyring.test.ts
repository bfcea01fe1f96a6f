import { expect } from 'chai'
import { stalenessLimitSeconds } from '../../src/keys/schedule.ts'
import { makeSymmetricKeyring, type SymmetricKeyring } from '../../src/keys/symmetric-keyring.ts'
import type { SymmetricKeys } from '../../src/keys/symmetric-keys.ts'
import { symmetricKeysPostgres } from '../../src/keys/symmetric-keys-postgres.ts'
import type { Database } from '../../src/postgres/database.ts'
import { Unavailable } from '../../src/unavailable.ts'
import { TestClock } from '../support/clock.ts'
import { forEachDatabase } from '../support/databases.ts'
import { failureOf, memoryLogger, newSealingKey, SCHEDULE } from './fixtures.ts'

const purpose = 'refresh-token'
const options = { schedule: SCHEDULE, actor: 'operator' }
const P = SCHEDULE.reloadPeriodSeconds
const sealingKey = newSealingKey()

forEachDatabase((_name, open) => {
  describe('the symmetric keyring', () => {
    let database: Database
    let store: SymmetricKeys
    const started: SymmetricKeyring[] = []

    beforeEach(async () => {
      database = await open()
      store = symmetricKeysPostgres({ database, sealingKey })
    })
    afterEach(() => {
      for (const keyring of started.splice(0)) keyring.stop()
    })

    function node({ sealing = sealingKey, clockOff = 0 } = {}) {
      const line = { isCut: false, readings: 0 }
      const real = symmetricKeysPostgres({ database, sealingKey: sealing })
      const symmetricKeys: SymmetricKeys = {
        ...real,
        async load(asked) {
          line.readings++
          if (line.isCut) throw new Unavailable('postgres', 'no answer')
          return real.load(asked)
        },
      }
      const clock = new TestClock(new Date(Date.now() + clockOff * 1000))
      const logger = memoryLogger()
      const keyring = makeSymmetricKeyring({ symmetricKeys, purpose, schedule: SCHEDULE, clock, logger })
      started.push(keyring)
      return { keyring, line, logger, wait: (seconds: number) => clock.advance(seconds * 1000) }
    }

    it('K-01 nodes that start together on an empty database share one first key', async () => {
      const [one, other] = [node(), node({ clockOff: 3600 })]
      await Promise.all([one.keyring.start(), other.keyring.start()])
      expect(one.keyring.current().version).to.equal(1)
      expect(other.keyring.current().key.equals(one.keyring.current().key)).to.equal(true)
      expect(one.keyring.status()).to.deep.equal({ ready: true })
    })

    for (const clockOff of [-3600, 0, 3600]) {
      it(`K-08 with a clock off by ${clockOff} s, uses a new version when the database's clock says so`, async () => {
        const { keyring, wait } = node({ clockOff })
        await keyring.start()
        await store.add(purpose, options)
        await keyring.reload()
        wait(2 * P - 10)
        expect(keyring.current().version).to.equal(1)
        expect(keyring.version(2)).to.include({ version: 2 })
        wait(10)
        expect(keyring.current().version).to.equal(2)
        expect(keyring.version(1)).to.include({ version: 1 })
      })
    }

    it('knows a version that another node added before that one may use it', async () => {
      const { keyring, wait } = node()
      await keyring.start()
      const { version } = await store.add(purpose, options)
      expect(keyring.version(version)).to.equal(undefined)
      wait(P)
      await keyring.reload()
      expect(keyring.version(version)).to.include({ version })
      expect(keyring.current().version).to.equal(1)
    })

    it('K-11 made-up versions cost no reading, and are known not to exist', async () => {
      const { keyring, line } = node()
      await keyring.start()
      const before = line.readings
      for (let version = 2; version < 1000; version++) expect(keyring.version(version)).to.equal(undefined)
      expect(line.readings).to.equal(before)
    })

    it('K-07 cut off for two reload periods it does not say of a version that there is none', async () => {
      const { keyring, line, wait } = node()
      await keyring.start()
      line.isCut = true
      wait(2 * P)
      expect(keyring.version(2)).to.equal(undefined)
      wait(1)
      expect(await failureOf(() => keyring.version(2))).to.include({
        name: 'Unavailable',
        part: 'symmetric-keys',
      })
      expect(keyring.version(1)).to.include({ version: 1 })
    })

    it('K-07 cut off for as long as the signing keys allow, it makes nothing new', async () => {
      const { keyring, line, wait } = node()
      await keyring.start()
      line.isCut = true
      wait(stalenessLimitSeconds(SCHEDULE))
      expect(keyring.current().version).to.equal(1)
      wait(1)
      expect(await failureOf(() => keyring.current())).to.be.instanceOf(Unavailable)
      expect(keyring.status()).to.have.property('ready', false)
      line.isCut = false
      await keyring.reload()
      expect(keyring.status()).to.deep.equal({ ready: true })
    })

    async function damage(version: number) {
      await database.query(
        "update symmetric_keys set sealed_key = sealed_key || '\\x00'::bytea where version = $1",
        [version],
      )
    }

    it('K-05 of what a damaged version made it says that it cannot tell, and logs it once', async () => {
      await store.ensure(purpose)
      await store.add(purpose, options)
      await damage(2)
      const { keyring, logger } = node()
      await keyring.start()
      await keyring.reload()
      expect(await failureOf(() => keyring.version(2))).to.be.instanceOf(Unavailable)
      expect(keyring.version(1)).to.include({ version: 1 })
      expect(logger.lines.filter(({ level }) => level === 'error')).to.have.length(1)
    })

    it('K-05 a version that is damaged while it runs stays in use', async () => {
      await store.ensure(purpose)
      await store.add(purpose, options)
      const { keyring } = node()
      await keyring.start()
      const before = keyring.version(2)
      await damage(2)
      await keyring.reload()
      expect(keyring.version(2)).to.deep.equal(before)
    })

    it('K-06 does not start with a sealing key that opens none of the versions', async () => {
      await store.ensure(purpose)
      const { keyring } = node({ sealing: newSealingKey() })
      expect(await failureOf(keyring.start())).to.include({ name: 'SealingKeyProblem', kind: 'wrong' })
    })

    it('waits for a database that is not there yet', async () => {
      const { keyring, line } = node()
      line.isCut = true
      await keyring.start()
      expect(keyring.status()).to.have.property('ready', false)
      expect(await failureOf(() => keyring.version(1))).to.be.instanceOf(Unavailable)
      line.isCut = false
      await keyring.reload()
      expect(keyring.status()).to.deep.equal({ ready: true })
    })
  })
})
