import { expect } from 'chai'
import { keyAdministration } from '../../src/keys/administration.ts'
import { makeKeyring } from '../../src/keys/keyring.ts'
import type { Nodes } from '../../src/keys/nodes.ts'
import { nodesPostgres } from '../../src/keys/nodes-postgres.ts'
import {
  permittedStalenessSeconds,
  publishToActivateSeconds,
  retireToRemoveSeconds,
} from '../../src/keys/schedule.ts'
import { holdSealingKey, type SealingKey, type SealingKeyLines } from '../../src/keys/sealing-key.ts'
import { signingKeysPostgres } from '../../src/keys/signing-keys-postgres.ts'
import type { Database } from '../../src/postgres/database.ts'
import { Unavailable } from '../../src/unavailable.ts'
import { TestClock } from '../support/clock.ts'
import { forEachDatabase } from '../support/databases.ts'
import { failureOf, memoryLogger, newSealingKey, SCHEDULE, STOCK_SEALING_KEY, stock } from './fixtures.ts'

const DAY = 86_400
const sealingKey = STOCK_SEALING_KEY

forEachDatabase((_name, open) => {
  describe('the nodes that serve', () => {
    let database: Database
    let nodes: Nodes

    beforeEach(async () => {
      database = await open()
      nodes = nodesPostgres(database)
      await stock(database)
    })

    const node = (id: string, jwksMaxAgeSeconds = 300) => {
      return { id, jwksMaxAgeSeconds, sealingKeys: ['aa', 'bb'], signsWith: null }
    }
    const pass = (seconds: number) =>
      database.query('update nodes set seen_at = seen_at - make_interval(secs => $1)', [seconds])

    function keyring(options: { nodes?: Nodes; schedule?: typeof SCHEDULE; sealingKey?: SealingKey } = {}) {
      const logger = memoryLogger()
      const made = makeKeyring({
        signingKeys: signingKeysPostgres({ database, sealingKey }),
        nodes,
        sealingKey,
        schedule: SCHEDULE,
        clock: new TestClock(new Date()),
        logger,
        ...options,
      })
      return { keyring: made, logger }
    }

    it('are those that were seen a moment ago and have not said that they stop', async () => {
      await nodes.report(node('gone'))
      await pass(60)
      await nodes.report(node('one', 12.5))
      await nodes.report({ ...node('two'), signsWith: 'kid' })
      await nodes.report(node('stopped'))
      await nodes.stopped('stopped')
      const live = await nodes.live(30)
      expect(live.map(({ seenAt: _, ...rest }) => rest)).to.deep.equal([
        node('one', 12.5),
        { ...node('two'), signsWith: 'kid' },
      ])
      expect((await nodes.live(90)).map(({ id }) => id)).to.deep.equal(['gone', 'one', 'two'])
    })

    it('P6 are forgotten after a day, by whichever reports next', async () => {
      await nodes.report(node('old'))
      await nodes.report(node('older'))
      await pass(DAY + 1)
      await nodes.report(node('new'))
      await nodes.report(node('new'))
      expect(await database.query('select id from nodes')).to.deep.equal([{ id: 'new' }])
    })

    it('say at each reading what they sign and seal with, and when they stop', async () => {
      const { keyring: one } = keyring()
      await one.start()
      const [live] = await nodes.live(30)
      expect(live).to.deep.include({
        jwksMaxAgeSeconds: SCHEDULE.jwksMaxAgeSeconds,
        sealingKeys: [sealingKey.fingerprint],
        signsWith: one.signer().kid,
      })
      await one.stop()
      await one.maintain()
      expect(await nodes.live(30)).to.deep.equal([])
    })

    it('say at the first reading after a line was added that they hold it: keys reseal waits for no more', async () => {
      const added = newSealingKey().lines()[0]
      const [held] = sealingKey.lines()
      let inFile: SealingKeyLines = [held]
      const read = () => new Promise<SealingKeyLines>((resolve) => setImmediate(() => resolve(inFile)))
      const { keyring: one } = keyring({ sealingKey: holdSealingKey([held], { read }) })
      await one.reload()
      await one.maintain()
      inFile = [added, held]
      await one.reload()
      await one.maintain()
      const [live] = await nodes.live(30)
      expect(live?.sealingKeys).to.deep.equal([added.fingerprint, held.fingerprint])
    })

    it('go on reading when they cannot say so', async () => {
      const fail = async () => {
        throw new Unavailable('postgres', 'no answer')
      }
      const { keyring: mute, logger } = keyring({ nodes: { ...nodes, report: fail, stopped: fail } })
      await mute.start()
      await mute.reload()
      await mute.maintain()
      expect(mute.status()).to.deep.equal({ ready: true })
      const warnings = logger.lines.filter(({ level }) => level !== 'info')
      expect(warnings.map(({ level }) => level)).to.deep.equal(['warn', 'warn'])
      await mute.stop()
    })

    it('K-02 delay a rotation by the longest max-age that any of them advertised within a day', async () => {
      const longer = { ...SCHEDULE, jwksMaxAgeSeconds: 7200, staleIfErrorSeconds: 7200 }
      const { keyring: other } = keyring({ schedule: longer })
      await other.start()
      await other.stop()

      const signingKeys = signingKeysPostgres({ database, sealingKey })
      const { listKeys, rotateKeys } = keyAdministration({ signingKeys, schedule: SCHEDULE })
      const delayOfNext = async () => {
        const next = (await listKeys()).find(({ phase }) => phase === 'next')
        return (Date.parse(String(next?.earliestActivationAt)) - Date.parse(String(next?.publishedAt))) / 1000
      }
      expect(await delayOfNext()).to.equal(publishToActivateSeconds(longer))
      const [report] = await rotateKeys({ now: false }, 'operator')
      const lasts = Date.parse(String(report?.retiringRemovesAt)) - Date.parse(String(report?.activatesAt))
      expect(lasts / 1000).to.equal(retireToRemoveSeconds(longer))

      // The control: a day later it is no longer reckoned with.
      await pass(DAY + 1)
      expect(await delayOfNext()).to.equal(publishToActivateSeconds(SCHEDULE))
      expect(await failureOf(rotateKeys({ now: true }, 'operator'))).to.include({ code: 'too_early' })
    })

    it('K-02 are reckoned with for as long as a cache may keep what they served, were it for days', async () => {
      const longest = { ...SCHEDULE, jwksMaxAgeSeconds: DAY, staleIfErrorSeconds: DAY }
      const { keyring: other } = keyring({ schedule: longest })
      await other.start()
      await other.stop()
      const signingKeys = signingKeysPostgres({ database, sealingKey })

      await pass(permittedStalenessSeconds(longest) + SCHEDULE.verifierCacheSeconds)
      await nodes.report(node('new'))
      expect((await signingKeys.load()).jwksMaxAgeSeconds).to.equal(DAY)

      await pass(DAY)
      await nodes.report(node('new'))
      expect((await signingKeys.load()).jwksMaxAgeSeconds, 'control: none keeps it any more').to.equal(300)
    })
  })
})
