import { expect } from 'chai'
import { keyAdministration } from '../../src/keys/administration.ts'
import { type KeySchedule, publishToActivateSeconds, retireToRemoveSeconds } from '../../src/keys/schedule.ts'
import { signingKeysPostgres } from '../../src/keys/signing-keys-postgres.ts'
import type { Database } from '../../src/postgres/database.ts'
import type { Refusal } from '../../src/refusal.ts'
import { Unavailable } from '../../src/unavailable.ts'
import { forEachDatabase } from '../support/databases.ts'
import { age, audited, BY_HAND, failureOf, SCHEDULE, STOCK_SEALING_KEY, stock } from './fixtures.ts'

const DELAY = publishToActivateSeconds(SCHEDULE)

forEachDatabase((_name, open) => {
  describe('the administration of signing keys', () => {
    let database: Database

    function administration(schedule = SCHEDULE) {
      const signingKeys = signingKeysPostgres({ database, sealingKey: STOCK_SEALING_KEY })
      return { signingKeys, ...keyAdministration({ signingKeys, schedule }) }
    }

    beforeEach(async () => {
      database = await open()
    })

    it('lists what there is, as plain data', async () => {
      const { signingKeys, listKeys } = administration(BY_HAND)
      expect(await listKeys()).to.deep.equal([])
      await signingKeys.maintain(BY_HAND)
      const keys = await listKeys()
      expect(JSON.parse(JSON.stringify(keys))).to.deep.equal(keys)
      const next = keys.find(({ phase }) => phase === 'next')
      expect(next).to.include({ algorithm: 'RS256', activatesAt: null, retiresAt: null, removesAt: null })
      expect(Date.parse(String(next?.earliestActivationAt)) - Date.parse(String(next?.publishedAt))).to.equal(
        DELAY * 1000,
      )
      const active = keys.find(({ phase }) => phase === 'active')
      expect(active).to.include({ activatesAt: active?.publishedAt, earliestActivationAt: null })
    })

    it('K-02 refuses a rotation that insists on now too early, and says when it may', async () => {
      await stock(database)
      const { listKeys, rotateKeys } = administration()
      const before = await listKeys()
      const refusal = (await failureOf(rotateKeys({ now: true }, 'operator'))) as Refusal
      expect(refusal).to.include({ name: 'Refusal', code: 'too_early' })
      const next = before.find(({ phase }) => phase === 'next')
      expect(refusal.message).to.include(String(next?.earliestActivationAt))
      expect(await listKeys()).to.deep.equal(before)
    })

    it('rotates at the earliest safe time, says so, and does so once', async () => {
      const { listKeys, rotateKeys } = administration()
      const [report] = await rotateKeys({ now: false }, 'user:7')
      expect(report?.outcome).to.equal('scheduled')
      const next = (await listKeys()).find(({ kid }) => kid === report?.kid)
      expect(next).to.include({ phase: 'next', activatesAt: report?.activatesAt })
      expect(next?.activatesAt).to.equal(next?.earliestActivationAt)
      expect((await audited(database)).at(-1)).to.deep.equal({
        event: 'signing_key.scheduled',
        actor: 'user:7',
        details: { kid: report?.kid, activates_at: report?.activatesAt },
      })

      const [again] = await rotateKeys({ now: false }, 'user:7')
      expect(again).to.deep.equal({ ...report, outcome: 'already_scheduled' })
      expect(await audited(database)).to.have.length(3)
    })

    it('a rotation that was made is not said to have failed: who hears that would rotate once more', async () => {
      await stock(database)
      await age(database, DELAY)
      const { signingKeys } = administration()
      let rounds = 0
      const failing = {
        ...signingKeys,
        maintain: async (schedule: KeySchedule) => {
          if (++rounds > 1) throw new Unavailable('postgres', 'no answer')
          return signingKeys.maintain(schedule)
        },
      }
      const { rotateKeys } = keyAdministration({ signingKeys: failing, schedule: SCHEDULE })
      const [report] = await rotateKeys({ now: true }, 'operator')
      expect(report?.outcome).to.equal('activated')
      expect(rounds).to.equal(2)
    })

    for (const [name, schedule] of [
      ['by a period', SCHEDULE],
      ['by hand', BY_HAND],
    ] as const) {
      it(`K-32 rotated ${name}, switches at once when the next key is published long enough`, async () => {
        const { signingKeys, listKeys, rotateKeys } = administration(schedule)
        await signingKeys.maintain(schedule)
        await age(database, DELAY)
        const [before] = (await listKeys()).filter(({ phase }) => phase === 'active')
        const [report] = await rotateKeys({ now: true }, 'operator')
        expect(report).to.include({ outcome: 'activated', retiringKid: before?.kid })

        const keys = await listKeys()
        const phases = Object.fromEntries(keys.map(({ kid, phase }) => [kid, phase]))
        expect(keys).to.have.length(3)
        expect(phases).to.include({ [String(before?.kid)]: 'retired', [String(report?.kid)]: 'active' })
        expect(Object.values(phases)).to.include('next')
        const retired = keys.find(({ kid }) => kid === before?.kid)
        expect(retired?.removesAt).to.equal(report?.retiringRemovesAt)

        // And the one after that has to wait again.
        expect(await failureOf(rotateKeys({ now: true }, 'operator'))).to.include({ code: 'too_early' })
      })
    }

    it('introduces an algorithm: its first key waits out the whole delay, and all else goes on as it was', async () => {
      await stock(database)
      const { listKeys, rotateKeys } = administration()
      const before = await listKeys()
      const [report, ...others] = await rotateKeys({ now: false, algorithm: 'ES256' }, 'user:7')
      expect(others).to.deep.equal([])
      const keys = await listKeys()
      const first = keys.find(({ algorithm }) => algorithm === 'ES256')
      expect(report).to.deep.equal({
        ...{ outcome: 'introduced', algorithm: 'ES256', kid: first?.kid, activatesAt: first?.activatesAt },
        ...{ retiringKid: null, retiringRemovesAt: null },
      })
      expect(first).to.include({ phase: 'next', activatesAt: first?.earliestActivationAt })
      expect(Date.parse(String(first?.activatesAt)) - Date.parse(String(first?.publishedAt))).to.equal(
        DELAY * 1000,
      )
      expect(keys.filter(({ algorithm }) => algorithm === 'RS256')).to.deep.equal(before)
      expect((await audited(database)).at(-1)).to.deep.equal({
        event: 'signing_key.created',
        actor: 'user:7',
        details: { kid: first?.kid, algorithm: 'ES256', activates_at: first?.activatesAt },
      })

      // Once: asked again while it waits, nothing changes.
      const again = await rotateKeys({ now: false, algorithm: 'ES256' }, 'user:7')
      expect(again).to.deep.equal([{ ...report, outcome: 'already_scheduled' }])
      expect(await failureOf(rotateKeys({ now: true, algorithm: 'ES256' }, 'user:7'))).to.include({
        code: 'too_early',
      })
      expect((await rotateKeys({ now: false }, 'user:7')).map(({ algorithm }) => algorithm)).to.deep.equal([
        'RS256',
      ])
      expect((await listKeys()).filter(({ algorithm }) => algorithm === 'ES256')).to.have.length(1)
    })

    it('rotates an introduced algorithm by its own time, alone or with the others', async () => {
      await stock(database)
      const { signingKeys, listKeys, rotateKeys } = administration()
      await rotateKeys({ now: false, algorithm: 'EdDSA' }, 'operator')
      await age(database, DELAY)
      await signingKeys.maintain(SCHEDULE)
      const phases = async () =>
        (await listKeys()).map(({ algorithm, phase }) => `${algorithm} ${phase}`).sort()
      expect(await phases()).to.deep.equal(['EdDSA active', 'EdDSA next', 'RS256 active', 'RS256 next'])

      await age(database, DELAY)
      const only = await rotateKeys({ now: true, algorithm: 'EdDSA' }, 'operator')
      expect(only.map(({ outcome, algorithm }) => `${algorithm} ${outcome}`)).to.deep.equal([
        'EdDSA activated',
      ])
      expect(await phases()).to.deep.equal([
        ...['EdDSA active', 'EdDSA next', 'EdDSA retired', 'RS256 active', 'RS256 next'],
      ])
      const both = await rotateKeys({ now: false }, 'operator')
      expect(both.map(({ outcome, algorithm }) => `${algorithm} ${outcome}`)).to.deep.equal([
        'RS256 activated',
        'EdDSA scheduled',
      ])
    })

    it('two operators who introduce an algorithm at the same time publish one key', async () => {
      await stock(database)
      const { listKeys, rotateKeys } = administration()
      const reports = await Promise.all(
        ['user:7', 'user:8'].map((actor) => rotateKeys({ now: false, algorithm: 'ES256' }, actor)),
      )
      expect(new Set(reports.map(([report]) => report?.kid)).size).to.equal(1)
      expect((await listKeys()).filter(({ algorithm }) => algorithm === 'ES256')).to.have.length(1)
    })

    it('refuses to introduce one at once, or one that it does not know, and makes no key', async () => {
      await stock(database)
      const { listKeys, rotateKeys } = administration()
      const before = await listKeys()
      expect(await failureOf(rotateKeys({ now: true, algorithm: 'ES256' }, 'operator'))).to.include({
        code: 'too_early',
      })
      const unknown = (await failureOf(rotateKeys({ now: false, algorithm: 'PS256' }, 'operator'))) as Refusal
      expect(unknown).to.include({ code: 'algorithm_unknown' })
      expect(unknown.message).to.include('RS256, ES256, EdDSA')
      expect(await listKeys()).to.deep.equal(before)
    })

    it('prints the timeline of every key in order of time, past and future', async () => {
      await stock(database)
      const { planKeys, rotateKeys } = administration()
      await age(database, DELAY)
      const [report] = await rotateKeys({ now: true }, 'operator')
      const plan = await planKeys()
      expect(JSON.parse(JSON.stringify(plan))).to.deep.equal(plan)
      expect(plan.map(({ at }) => at)).to.deep.equal(plan.map(({ at }) => at).sort())

      const old = plan.filter(({ kid }) => kid === report?.retiringKid)
      expect(old.map(({ event, isPast }) => [event, isPast])).to.deep.equal([
        ['published', true],
        ['activates', true],
        ['retires', true],
        ['removed', false],
      ])
      const [retires, removed] = [Date.parse(String(old[2]?.at)), Date.parse(String(old[3]?.at))]
      expect(removed - retires).to.equal(retireToRemoveSeconds(SCHEDULE) * 1000)

      const next = plan.filter(({ kid }) => kid !== report?.retiringKid && kid !== report?.kid)
      expect(next.map(({ event, isPast }) => [event, isPast])).to.deep.equal([
        ['published', true],
        ['may_activate', false],
        ['activates', false],
      ])
    })
  })
})
