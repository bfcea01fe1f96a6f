import { expect } from 'chai'
import { maintenanceSteps } from '../../src/keys/rotation.ts'
import {
  publishToActivateSeconds,
  retireToRemoveSeconds,
  retireToWipeSeconds,
} from '../../src/keys/schedule.ts'
import { keyLives } from '../../src/keys/signing-key.ts'
import type { SigningKeys } from '../../src/keys/signing-keys.ts'
import { signingKeysPostgres } from '../../src/keys/signing-keys-postgres.ts'
import type { Database } from '../../src/postgres/database.ts'
import { Refusal } from '../../src/refusal.ts'
import { forEachDatabase } from '../support/databases.ts'
import { age, audited, failureOf, newSealingKey, SCHEDULE, STOCK_SEALING_KEY, stock } from './fixtures.ts'

const PERIOD = SCHEDULE.rotationPeriodSeconds
const sealingKey = STOCK_SEALING_KEY

async function phases(store: SigningKeys) {
  const { keys, now } = await store.load()
  return keyLives(keys, now, SCHEDULE).map(({ phase }) => phase)
}

async function events(database: Database) {
  return (await audited(database)).map(({ event }) => event)
}

forEachDatabase((_name, open) => {
  describe('stored signing keys', () => {
    let database: Database
    let store: SigningKeys

    beforeEach(async () => {
      database = await open()
      store = signingKeysPostgres({ database, sealingKey })
    })

    it('are read together with the database’s time, also when there are none', async () => {
      const { keys, now } = await store.load()
      expect(keys).to.deep.equal([])
      const [row] = await database.query<{ seconds: string }>(
        'select extract(epoch from clock_timestamp() - $1::timestamptz) as seconds',
        [now],
      )
      expect(Number(row?.seconds)).to.be.within(-0.001, 60)
    })

    it('K-01 nodes that start together on an empty database make one active key, and one to follow', async () => {
      const nodes = [1, 2, 3].map(() => signingKeysPostgres({ database, sealingKey }))
      const done = await Promise.all(nodes.map((node) => node.maintain(SCHEDULE)))
      expect(done.map((steps) => steps.length).sort()).to.deep.equal([0, 0, 2])
      expect(await phases(store)).to.have.members(['active', 'next'])
      expect(await events(database)).to.deep.equal(['signing_key.created', 'signing_key.created'])
    })

    it('K-01 the first signs from its publication, the next when the period is over', async () => {
      await store.maintain(SCHEDULE)
      const { keys, now } = await store.load()
      const [active, next] = keyLives(keys, now, SCHEDULE).sort((left) => (left.phase === 'active' ? -1 : 1))
      expect(active?.key.activatesAt).to.deep.equal(active?.key.publishedAt)
      const waited = Number(next?.key.activatesAt) - Number(active?.key.activatesAt)
      expect(waited).to.equal(PERIOD * 1000)
    })

    it('go through their whole life by the passing of time, each step audited', async () => {
      await store.maintain(SCHEDULE)
      await age(database, PERIOD)
      expect(await phases(store)).to.have.members(['retired', 'active'])

      await store.maintain(SCHEDULE)
      expect(await phases(store)).to.have.members(['retired', 'active', 'next'])

      await age(database, retireToWipeSeconds(SCHEDULE))
      expect(await store.maintain(SCHEDULE)).to.have.length(1)
      const stored = (await store.load()).keys.map((key) => key.sealedPrivateKey !== null)
      expect(stored).to.have.members([false, true, true])

      await age(database, retireToRemoveSeconds(SCHEDULE))
      await store.maintain(SCHEDULE)
      expect(await phases(store)).to.have.members(['active', 'next'])
      expect(await events(database)).to.deep.equal([
        'signing_key.created',
        'signing_key.created',
        'signing_key.created',
        'signing_key.removed',
      ])
      expect((await audited(database)).map(({ actor }) => actor)).to.deep.equal(Array(4).fill('keyturn'))
    })

    it('K-02 are not removed before everything they signed is dead', async () => {
      await stock(database)
      await age(database, PERIOD + retireToRemoveSeconds(SCHEDULE) - 60)
      await store.maintain(SCHEDULE)
      expect(await phases(store)).to.include('retired')
      await age(database, 60)
      await store.maintain(SCHEDULE)
      expect(await phases(store)).to.have.members(['active', 'next'])
    })

    it('are left alone when there is nothing to do', async () => {
      await store.maintain(SCHEDULE)
      const before = await database.query('select * from signing_keys order by kid')
      expect(await store.maintain(SCHEDULE)).to.deep.equal([])
      expect(await database.query('select * from signing_keys order by kid')).to.deep.equal(before)
      expect(await events(database)).to.have.length(2)
    })

    it('get a date when rotation by hand gives way to a period', async () => {
      await store.maintain({ ...SCHEDULE, rotationPeriodSeconds: 0 })
      const [next] = (await store.load()).keys.filter(({ activatesAt }) => activatesAt === null)
      expect(await store.maintain(SCHEDULE)).to.have.length(1)
      const dated = (await store.load()).keys.find(({ kid }) => kid === next?.kid)
      expect((await audited(database)).at(-1)).to.deep.equal({
        event: 'signing_key.scheduled',
        actor: 'keyturn',
        details: { kid: next?.kid, activates_at: dated?.activatesAt?.toISOString() },
      })
    })

    it('K-03 a rotation that stops half-way leaves one active key, and any node finishes it', async () => {
      await stock(database)
      await age(database, publishToActivateSeconds(SCHEDULE))
      await store.activate(({ keys, now }) => {
        const next = keys.find(({ activatesAt }) => activatesAt === null || activatesAt > now)
        return next ? [{ kid: next.kid, activatesAt: now }] : []
      }, 'operator')
      expect(await phases(store)).to.have.members(['retired', 'active'])

      await signingKeysPostgres({ database, sealingKey }).maintain(SCHEDULE)
      expect(await phases(store)).to.have.members(['retired', 'active', 'next'])
      const scheduled = (await audited(database)).filter(({ event }) => event === 'signing_key.scheduled')
      expect(scheduled.map(({ actor }) => actor)).to.deep.equal(['operator'])
    })

    it('K-03 a step that cannot be audited is not done, and neither is any other', async () => {
      await database.query('alter table audit_events rename to elsewhere')
      expect(await failureOf(store.maintain(SCHEDULE))).to.be.instanceOf(Error)
      expect((await store.load()).keys).to.deep.equal([])
      await database.query('alter table elsewhere rename to audit_events')
      await store.maintain(SCHEDULE)
      expect((await store.load()).keys).to.have.length(2)
    })

    it('do not change when the decision is to refuse', async () => {
      await stock(database)
      const before = (await store.load()).keys
      const refused = store.activate(() => {
        throw new Refusal('too_early', 'not yet')
      }, 'operator')
      expect(await failureOf(refused)).to.include({ code: 'too_early' })
      expect((await store.load()).keys).to.deep.equal(before)
      expect(await events(database)).to.deep.equal([])
    })

    it('K-06 none is made by a node whose sealing key opens nothing that is stored', async () => {
      await stock(database)
      await age(database, PERIOD)
      const wrong = signingKeysPostgres({ database, sealingKey: newSealingKey() })
      const { keys, now } = await store.load()
      expect(maintenanceSteps(keys, now, SCHEDULE)[0]).to.include({ step: 'create' })
      expect(await failureOf(wrong.maintain(SCHEDULE))).to.include({
        name: 'SealingKeyProblem',
        kind: 'wrong',
      })
      expect((await store.load()).keys).to.have.length(2)
      await store.maintain(SCHEDULE)
      expect((await store.load()).keys).to.have.length(3)
    })

    it('K-04 no kid is stored twice', async () => {
      await stock(database)
      const copy = database.query(
        `insert into signing_keys (kid, algorithm, public_jwk, published_at, created_at)
         select kid, algorithm, '{"kty":"RSA"}', now(), now() from signing_keys limit 1`,
      )
      expect(await failureOf(copy)).to.include({ code: '23505' })
    })

    it('S-163 in clear they hold public members only', async () => {
      await store.maintain(SCHEDULE)
      const rows = await database.query<{ kid: string; public_jwk: object; sealed: Buffer; row: string }>(
        'select kid, public_jwk, sealed_private_key as sealed, signing_keys::text as row from signing_keys',
      )
      expect(rows).to.have.length(2)
      // Every PKCS #8 RSA key begins with the object identifier of rsaEncryption (RFC 8017 A.1).
      const rsaEncryption = '06092a864886f70d010101'
      for (const { kid, public_jwk, sealed, row } of rows) {
        expect(public_jwk).to.have.all.keys('kty', 'n', 'e')
        expect(row).not.to.include(rsaEncryption)
        expect(sealingKey.open(sealed, `signing:${kid}`).opened.toString('hex')).to.include(rsaEncryption)
      }
      expect(JSON.stringify(await audited(database))).not.to.include('sealed')
    })

    it('of an algorithm that a newer release brought are left to it', async () => {
      await stock(database)
      await database.query(
        `insert into signing_keys (kid, algorithm, public_jwk, published_at, activates_at, created_at)
         values ('newer', 'XS512', '{"kty":"XY"}', now() - interval '9 years', now() - interval '9 years', now())`,
      )
      expect((await store.load()).keys.map(({ kid }) => kid)).not.to.include('newer')
      expect(await store.maintain(SCHEDULE)).to.deep.equal([])
      expect(await database.query("select kid from signing_keys where kid = 'newer'")).to.have.length(1)
    })
  })
})
