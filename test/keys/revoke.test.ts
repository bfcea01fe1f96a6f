import { expect } from 'chai'
import { keyAdministration } from '../../src/keys/administration.ts'
import { makeKeyring } from '../../src/keys/keyring.ts'
import { publishToActivateSeconds, retireToRemoveSeconds } from '../../src/keys/schedule.ts'
import { signingKeysPostgres } from '../../src/keys/signing-keys-postgres.ts'
import type { Database } from '../../src/postgres/database.ts'
import { TestClock } from '../support/clock.ts'
import { forEachDatabase } from '../support/databases.ts'
import { age, audited, failureOf, memoryLogger, SCHEDULE, STOCK_SEALING_KEY, stock } from './fixtures.ts'

const sealingKey = STOCK_SEALING_KEY
const DELAY = publishToActivateSeconds(SCHEDULE)

forEachDatabase((_name, open) => {
  describe('keys revoke', () => {
    let database: Database

    beforeEach(async () => {
      database = await open()
      await stock(database)
    })

    function administration() {
      const signingKeys = signingKeysPostgres({ database, sealingKey })
      return { signingKeys, ...keyAdministration({ signingKeys, schedule: SCHEDULE }) }
    }
    async function byPhase() {
      const keys = await administration().listKeys()
      return Object.fromEntries(keys.map(({ phase, kid }) => [phase, kid]))
    }
    async function node() {
      const signingKeys = signingKeysPostgres({ database, sealingKey })
      const parts = { signingKeys, sealingKey, schedule: SCHEDULE, logger: memoryLogger() }
      const keyring = makeKeyring({ ...parts, clock: new TestClock(new Date()) })
      await keyring.reload()
      const published = () =>
        JSON.parse(keyring.jwks().body.toString()).keys.map(({ kid }: { kid: string }) => kid)
      return { keyring, published }
    }

    it('K-32 of the active key: it is gone from every node at its next reading, and the next one signs', async () => {
      const { active = '', next = '' } = await byPhase()
      const { keyring, published } = await node()
      const report = await administration().revokeKey(active, 'operator')
      expect(report).to.include({
        outcome: 'revoked',
        kid: active,
        phase: 'active',
        minimumIssuedAt: report.revokedAt,
      })
      expect(report.successor).to.include({ kid: next, isKnownEverywhere: false })

      expect(keyring.signer().kid).to.equal(active)
      await keyring.reload()
      expect(keyring.signer().kid).to.equal(next)
      expect(keyring.verificationKey(active)).to.equal(undefined)
      const after = await byPhase()
      expect(after).to.include({ active: next, revoked: active })
      expect(published()).to.have.members([next, after['next']])
    })

    it('wipes the private part, and keeps the row until nothing that it signed is alive', async () => {
      const { active = '' } = await byPhase()
      const { revokeKey, signingKeys } = administration()
      await revokeKey(active, 'operator')
      const row = () => signingKeys.load().then(({ keys }) => keys.find(({ kid }) => kid === active))
      expect(await row()).to.include({ sealedPrivateKey: null })
      await age(database, retireToRemoveSeconds(SCHEDULE) - 60)
      await signingKeys.maintain(SCHEDULE)
      expect(await row()).not.to.equal(undefined)
      await age(database, 60)
      await signingKeys.maintain(SCHEDULE)
      expect(await row()).to.equal(undefined)
    })

    it('is audited together with what it has sign, and once', async () => {
      const { active = '', next = '' } = await byPhase()
      const { revokeKey } = administration()
      const report = await revokeKey(active, 'operator')
      const again = await revokeKey(active, 'operator')
      expect(again).to.include({ outcome: 'already_revoked', phase: 'revoked', revokedAt: report.revokedAt })
      const events = await audited(database)
      expect(events.map(({ event }) => event)).to.deep.equal([
        'signing_key.revoked',
        'signing_key.scheduled',
        'signing_key.created',
      ])
      expect(events[0]).to.deep.include({ actor: 'operator', details: { kid: active } })
      expect(events[1]).to.deep.include({
        actor: 'operator',
        details: { kid: next, activates_at: report.revokedAt },
      })
    })

    it('says whether every verifier knows the key that signs now', async () => {
      await age(database, DELAY)
      const { active = '' } = await byPhase()
      const { successor } = await administration().revokeKey(active, 'operator')
      expect(successor).to.include({ isKnownEverywhere: true })
    })

    it('of the next key: another is published in its place, and nothing else changes', async () => {
      const { active = '', next = '' } = await byPhase()
      const report = await administration().revokeKey(next, 'operator')
      expect(report).to.deep.include({
        outcome: 'revoked',
        phase: 'next',
        successor: null,
        minimumIssuedAt: null,
      })
      const after = await byPhase()
      expect(after).to.include({ active, revoked: next })
      expect(after['next']).to.be.a('string').and.not.to.equal(next)
      const { keyring } = await node()
      expect(keyring.minimumIssuedAt(active)).to.equal(undefined)
    })

    it('of a retired key: what it signed is worth nothing, and the active one signs on', async () => {
      const { active = '', next = '' } = await byPhase()
      await age(database, DELAY)
      await administration().rotateKeys({ now: true }, 'operator')
      const report = await administration().revokeKey(active, 'operator')
      expect(report).to.include({ phase: 'retired', successor: null })
      const { keyring } = await node()
      expect(keyring.signer().kid).to.equal(next)
      expect(keyring.verificationKey(active)).to.equal(undefined)
    })

    it('of the active key where none is next: one is published, and signs at once', async () => {
      const { active = '', next = '' } = await byPhase()
      await database.query('delete from signing_keys where kid = $1', [next])
      const { successor } = await administration().revokeKey(active, 'operator')
      expect(successor).to.include({ isKnownEverywhere: false })
      expect(await byPhase()).to.include({ active: successor?.kid, revoked: active })
    })

    it('twice in a row leaves a key that signs and one to follow', async () => {
      const { active = '', next = '' } = await byPhase()
      const { revokeKey, listKeys } = administration()
      await revokeKey(active, 'operator')
      await revokeKey(next, 'operator')
      const phases = (await listKeys()).map(({ phase }) => phase)
      expect(phases.sort()).to.deep.equal(['active', 'next', 'revoked', 'revoked'])
    })

    it('K-03 two operators at the same time revoke it once', async () => {
      const { active = '' } = await byPhase()
      const { revokeKey } = administration()
      const reports = await Promise.all([revokeKey(active, 'operator'), revokeKey(active, 'operator')])
      expect(reports.map(({ outcome }) => outcome).sort()).to.deep.equal(['already_revoked', 'revoked'])
      const revoked = (await audited(database)).filter(({ event }) => event === 'signing_key.revoked')
      expect(revoked).to.have.length(1)
    })

    it('of an unknown kid changes nothing', async () => {
      const before = await byPhase()
      expect(await failureOf(administration().revokeKey('nobody', 'operator'))).to.include({
        code: 'unknown_key',
      })
      expect(await byPhase()).to.deep.equal(before)
      expect(await audited(database)).to.deep.equal([])
    })

    it('K-03 that cannot be audited is not done', async () => {
      const { active = '' } = await byPhase()
      await database.query('alter table audit_events rename to elsewhere')
      expect(await failureOf(administration().revokeKey(active, 'operator'))).to.be.instanceOf(Error)
      expect(await byPhase()).to.include({ active })
    })
  })
})
