import { expect } from 'chai'
import { addSeconds } from '../../src/clock.ts'
import { signingKeysPostgres } from '../../src/keys/signing-keys-postgres.ts'
import type { SymmetricKeys } from '../../src/keys/symmetric-keys.ts'
import { symmetricKeysPostgres } from '../../src/keys/symmetric-keys-postgres.ts'
import type { Database } from '../../src/postgres/database.ts'
import { forEachDatabase } from '../support/databases.ts'
import { audited, failureOf, newSealingKey, SCHEDULE } from './fixtures.ts'

const purpose = 'refresh-token'
const options = { schedule: SCHEDULE, actor: 'operator' }
const sealingKey = newSealingKey()

forEachDatabase((_name, open) => {
  describe('stored symmetric keys', () => {
    let database: Database
    let store: SymmetricKeys

    beforeEach(async () => {
      database = await open()
      store = symmetricKeysPostgres({ database, sealingKey })
    })

    it('K-01 nodes that start together make one first version, to be used at once', async () => {
      const nodes = [1, 2, 3].map(() => symmetricKeysPostgres({ database, sealingKey }))
      await Promise.all(nodes.map((node) => node.ensure(purpose)))
      const { keys, unopened, now } = await store.load(purpose)
      expect(keys.map(({ version }) => version)).to.deep.equal([1])
      expect(keys[0]?.key).to.have.length(32)
      expect(keys[0]?.activatesAt).to.be.at.most(now)
      expect(unopened).to.deep.equal([])
      expect((await audited(database)).map(({ event, actor }) => [event, actor])).to.deep.equal([
        ['symmetric_key.created', 'keyturn'],
      ])
    })

    it('read again they are the same', async () => {
      await store.ensure(purpose)
      const [one, other] = [await store.load(purpose), await store.load(purpose)]
      expect(other.keys).to.deep.equal(one.keys)
    })

    it('get another version, another key, in order, also when two operators ask at once', async () => {
      await store.ensure(purpose)
      const added = await Promise.all([1, 2].map(() => store.add(purpose, options)))
      expect(added.map(({ version }) => version)).to.have.members([2, 3])
      const { keys } = await store.load(purpose)
      expect(keys.map(({ version }) => version)).to.deep.equal([1, 2, 3])
      expect(new Set(keys.map(({ key }) => key.toString('hex'))).size).to.equal(3)
      expect((await audited(database)).at(-1)).to.deep.include({
        event: 'symmetric_key.created',
        actor: 'operator',
      })
    })

    it('K-02 a new version is not used before every node has had two occasions to read it', async () => {
      await store.ensure(purpose)
      const { now } = await store.load(purpose)
      const { activatesAt } = await store.add(purpose, options)
      expect(activatesAt).to.be.at.least(addSeconds(now, 2 * SCHEDULE.reloadPeriodSeconds))

      const tooEarly = store.add(purpose, { ...options, activatesAt: addSeconds(now, 29) })
      expect(await failureOf(tooEarly)).to.include({ code: 'too_early' })
      expect((await store.load(purpose)).keys).to.have.length(2)

      const later = addSeconds(now, 3600)
      expect((await store.add(purpose, { ...options, activatesAt: later })).activatesAt).to.deep.equal(later)
    })

    it('S-163 hold nothing in clear, and a sealed key moved to another version does not open', async () => {
      await store.ensure(purpose)
      await store.add(purpose, options)
      const { keys } = await store.load(purpose)
      const rows = await database.query<{ row: string }>(
        'select symmetric_keys::text as row from symmetric_keys',
      )
      for (const { key } of keys) {
        expect(rows.map(({ row }) => row).join()).not.to.include(key.toString('hex').slice(0, 16))
      }
      await database.query(
        'update symmetric_keys set sealed_key = (select sealed_key from symmetric_keys where version = 1)',
      )
      const moved = await store.load(purpose)
      expect(moved.keys.map(({ version }) => version)).to.deep.equal([1])
      expect(moved.unopened).to.deep.equal([2])
    })

    it('K-06 do not load under a sealing key that opens none', async () => {
      await store.ensure(purpose)
      const wrong = symmetricKeysPostgres({ database, sealingKey: newSealingKey() })
      expect(await failureOf(wrong.load(purpose))).to.include({ name: 'SealingKeyProblem', kind: 'wrong' })
      expect((await store.load(purpose)).keys).to.have.length(1)
    })

    it('K-06 none is made by a node whose sealing key opens nothing that is stored, of whatever kind', async () => {
      await signingKeysPostgres({ database, sealingKey }).maintain(SCHEDULE)
      const wrong = symmetricKeysPostgres({ database, sealingKey: newSealingKey() })
      expect(await failureOf(wrong.ensure(purpose))).to.include({ name: 'SealingKeyProblem', kind: 'wrong' })
      await store.ensure(purpose)
      expect(await failureOf(wrong.add(purpose, options))).to.include({ name: 'SealingKeyProblem' })
      expect((await store.load(purpose)).keys).to.have.length(1)
    })
  })
})
