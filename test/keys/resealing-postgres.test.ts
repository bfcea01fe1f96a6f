import { expect } from 'chai'
import { readSealedRows } from '../../src/keys/key-tables-postgres.ts'
import { makeKeyring } from '../../src/keys/keyring.ts'
import { nodesPostgres } from '../../src/keys/nodes-postgres.ts'
import { resealingPostgres } from '../../src/keys/resealing-postgres.ts'
import {
  holdSealingKey,
  opensWith,
  type SealingKey,
  type SealingKeyLines,
} from '../../src/keys/sealing-key.ts'
import { sealingUse } from '../../src/keys/sealing-use.ts'
import { signingKeysPostgres } from '../../src/keys/signing-keys-postgres.ts'
import { symmetricKeysPostgres } from '../../src/keys/symmetric-keys-postgres.ts'
import type { Database } from '../../src/postgres/database.ts'
import { TestClock } from '../support/clock.ts'
import { forEachDatabase } from '../support/databases.ts'
import { failureOf, memoryLogger, newSealingKey, SCHEDULE, STOCK_SEALING_KEY, stock } from './fixtures.ts'

const OLD = STOCK_SEALING_KEY
const NEW = newSealingKey()
/** What `keys init --add` makes of the old one. */
const BOTH = holding([NEW.lines()[0], OLD.lines()[0]])

function holding(lines: SealingKeyLines): SealingKey {
  return holdSealingKey(lines)
}

forEachDatabase((name, open) => {
  describe('resealing', () => {
    let database: Database

    beforeEach(async () => {
      database = await open()
      await stock(database)
      const symmetric = symmetricKeysPostgres({ database, sealingKey: OLD })
      await symmetric.ensure('refresh-token')
      await symmetric.add('refresh-token', { schedule: SCHEDULE, actor: 'operator' })
      await symmetric.ensure('audit')
    })

    const reseal = (sealingKey: SealingKey, isInsisted = false) =>
      resealingPostgres({ database, sealingKey }).reseal({ isInsisted }, 'operator')
    const opened = async (sealingKey: SealingKey) =>
      (await readSealedRows(database)).map(({ sealed, context }) => {
        return opensWith(sealingKey.lines(), sealed, context)
      })
    const events = () =>
      database.query<{ actor: string; details: object }>(
        "select actor, details from audit_events where event = 'sealing_key.resealed'",
      )

    it('seals every row with the first line, and says that the old one may go', async () => {
      const report = await reseal(BOTH)
      expect(report).to.deep.equal({
        outcome: 'resealed',
        fingerprint: NEW.fingerprint,
        rows: 5,
        resealed: 5,
        idleLines: [OLD.fingerprint],
        nodesWithout: [],
      })
      expect(await opened(NEW)).to.deep.equal(Array(5).fill(true))
      expect(await opened(OLD), 'control').to.deep.equal(Array(5).fill(false))
      const rows = await readSealedRows(database)
      expect(new Set(rows.map(({ sealedWith }) => sealedWith))).to.deep.equal(new Set([NEW.fingerprint]))
      expect(await events()).to.deep.equal([
        { actor: 'operator', details: { fingerprint: NEW.fingerprint, rows: 5, nodes_without: null } },
      ])
    })

    it('keeps what the keys are: the new line alone loads all of them', async () => {
      const before = await symmetricKeysPostgres({ database, sealingKey: OLD }).load('refresh-token')
      await reseal(BOTH)
      const after = await symmetricKeysPostgres({ database, sealingKey: NEW }).load('refresh-token')
      expect(after.keys).to.deep.equal(before.keys)
      expect(after.unopened).to.deep.equal([])
    })

    it('done again changes nothing, and is not audited again', async () => {
      await reseal(BOTH)
      const before = await readSealedRows(database)
      expect(await reseal(BOTH)).to.include({ outcome: 'already_sealed', rows: 5, resealed: 0 })
      expect(await readSealedRows(database)).to.deep.equal(before)
      expect(await events()).to.have.length(1)
    })

    it('writes the fingerprint into rows of an earlier release', async () => {
      await database.query('update signing_keys set sealed_with = null')
      expect(await reseal(OLD)).to.include({ outcome: 'already_sealed' })
      expect((await readSealedRows(database)).map(({ sealedWith }) => sealedWith)).to.deep.equal(
        Array(5).fill(OLD.fingerprint),
      )
    })

    it('is refused while a node that serves does not hold the line, and names it', async () => {
      const nodes = nodesPostgres(database)
      const report = { jwksMaxAgeSeconds: 300, signsWith: null }
      await nodes.report({ ...report, id: 'node-1', sealingKeys: [NEW.fingerprint, OLD.fingerprint] })
      await nodes.report({ ...report, id: 'node-2', sealingKeys: [OLD.fingerprint] })
      const refusal = (await failureOf(reseal(BOTH))) as Error
      expect(refusal).to.include({ code: 'node_lacks_line' })
      expect(refusal.message).to.include('node-2').and.not.to.include('node-1')
      expect(await opened(OLD)).to.deep.equal(Array(5).fill(true))

      expect(await reseal(BOTH, true)).to.deep.include({ outcome: 'resealed', nodesWithout: ['node-2'] })
    })

    it('does not wait for a node that has stopped, or has not been seen for a minute', async () => {
      const nodes = nodesPostgres(database)
      const report = { jwksMaxAgeSeconds: 300, signsWith: null, sealingKeys: [OLD.fingerprint] }
      await nodes.report({ ...report, id: 'node-1' })
      await nodes.stopped('node-1')
      await nodes.report({ ...report, id: 'node-2' })
      await database.query("update nodes set seen_at = seen_at - interval '61 s' where id = 'node-2'")
      expect(await reseal(BOTH)).to.include({ outcome: 'resealed' })
    })

    it('is refused when a row opens with no line, names it, and changes nothing', async () => {
      const [row] = await readSealedRows(database)
      await database.query(
        `update signing_keys set sealed_private_key =
           set_byte(sealed_private_key, length(sealed_private_key) - 1,
             get_byte(sealed_private_key, length(sealed_private_key) - 1) # 1) where kid = $1`,
        [row?.name],
      )
      const refusal = (await failureOf(reseal(BOTH))) as Error
      expect(refusal).to.include({ code: 'row_unopened' })
      expect(refusal.message).to.include(row?.name)
      expect((await opened(NEW)).filter(Boolean)).to.deep.equal([])
      expect(await failureOf(reseal(newSealingKey()))).to.include({ kind: 'wrong' })
    })

    it('that fails half-way leaves everything as it was', async () => {
      let count = 0
      const failing: SealingKey = {
        ...BOTH,
        fingerprint: BOTH.fingerprint,
        fingerprints: BOTH.fingerprints,
        open(sealed, context) {
          // Each row is opened once for its digest and once to be sealed anew: this is the fourth of the second kind.
          if (++count === 9) throw new Error('the node is killed')
          return BOTH.open(sealed, context)
        },
      }
      expect(await failureOf(reseal(failing))).to.include({ message: 'the node is killed' })
      expect(await opened(OLD)).to.deep.equal(Array(5).fill(true))
      expect(await events()).to.deep.equal([])
    })

    it('is noticed by a node that got the line in time: it signs on, without a restart', async () => {
      let lines: SealingKeyLines = OLD.lines()
      let readings = 0
      const held = holdSealingKey(lines, {
        read: async () => {
          readings++
          return lines
        },
        isDue: (occasion) => occasion === 'unopened',
      })
      const keyring = makeKeyring({
        signingKeys: signingKeysPostgres({ database, sealingKey: held }),
        sealingKey: held,
        schedule: SCHEDULE,
        clock: new TestClock(new Date()),
        logger: memoryLogger(),
      })
      await keyring.reload()
      const { kid } = keyring.signer()
      lines = BOTH.lines()
      await reseal(BOTH)
      expect(readings).to.equal(0)
      await keyring.reload()
      expect(keyring.signer().kid).to.equal(kid)
      expect(readings, 'once for all rows').to.equal(1)
      expect(held.fingerprints).to.deep.equal(BOTH.fingerprints)

      // The old line goes: what runs is not affected, and what is made from now on is sealed with the new one.
      lines = NEW.lines()
      await held.requireReread()
      await keyring.reload()
      expect(keyring.signer().kid).to.equal(kid)
      const symmetric = symmetricKeysPostgres({ database, sealingKey: held })
      await symmetric.add('audit', { schedule: SCHEDULE, actor: 'operator' })
      expect(await opened(NEW)).to.deep.equal(Array(6).fill(true))
    })

    it('K-06 a wrong sealing key that is put in place of the right one does a running node no harm', async () => {
      let lines: SealingKeyLines = OLD.lines()
      const held = holdSealingKey(lines, { read: async () => lines, logger: memoryLogger() })
      const symmetric = symmetricKeysPostgres({ database, sealingKey: held })
      await symmetric.load('audit')
      lines = newSealingKey().lines()
      await held.reread('unopened')
      expect((await symmetric.load('audit')).unopened).to.deep.equal([])
      const fresh = holdSealingKey(lines)
      expect(
        await failureOf(symmetricKeysPostgres({ database, sealingKey: fresh }).load('audit')),
        'control: a node that starts with it',
      ).to.include({ kind: 'wrong' })
    })

    it('what is new is sealed with the line that opens what is stored, until it is resealed', async () => {
      await symmetricKeysPostgres({ database, sealingKey: BOTH }).add('audit', {
        schedule: SCHEDULE,
        actor: 'operator',
      })
      expect(sealingUse(await readSealedRows(database), BOTH.lines())).to.deep.equal({
        rows: 6,
        behind: 6,
        unopened: [],
        idleLines: [],
      })
      expect(await opened(OLD)).to.deep.equal(Array(6).fill(true))
    })

    it('S-163 a sealed key that is moved to another kid, purpose or version does not open', async () => {
      const rows = await readSealedRows(database)
      const contexts = rows.map(({ context }) => context)
      expect(new Set(contexts).size).to.equal(5)
      for (const { sealed, context } of rows) {
        const opening = contexts.filter((other) => OLD.opens(sealed, other))
        expect(opening, 'its own alone, which is the control').to.deep.equal([context])
      }
      await database.query(
        `update symmetric_keys moved set sealed_key = source.sealed_key from symmetric_keys source
         where moved.purpose = 'audit' and source.purpose = 'refresh-token' and source.version = 1`,
      )
      const { keys, unopened } = await symmetricKeysPostgres({ database, sealingKey: OLD }).load('audit')
      expect({ keys, unopened }).to.deep.equal({ keys: [], unopened: [1] })
    })

    if (name === 'PostgreSQL') {
      it('two at once do it once', async () => {
        const reports = await Promise.all([reseal(BOTH), reseal(BOTH)])
        expect(reports.map(({ outcome }) => outcome).sort()).to.deep.equal(['already_sealed', 'resealed'])
      })
    }
  })
})
