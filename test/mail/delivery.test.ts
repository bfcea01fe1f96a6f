import { expect } from 'chai'
import { makeDelivery, type PrepareMail } from '../../src/mail/delivery.ts'
import type { SendOutcome } from '../../src/mail/mail.ts'
import { outboxPostgres } from '../../src/mail/outbox-postgres.ts'
import type { Database } from '../../src/postgres/database.ts'
import { withRequest } from '../../src/telemetry/request-context.ts'
import { TestClock } from '../support/clock.ts'
import { forEachDatabase } from '../support/databases.ts'
import { recordingLogger } from '../support/logger.ts'

const FAILED: SendOutcome = { outcome: 'failed', reason: 'ECONNECTION' }
const purpose = 'password_reset'

forEachDatabase((_name, open) => {
  describe('the mails that wait', () => {
    let database: Database
    let clock: TestClock
    beforeEach(async () => {
      database = await open()
      clock = new TestClock()
    })

    const outbox = () => outboxPostgres(database)
    const ask = (recipient: string) => outbox().add({ purpose, recipient, now: clock.now() })
    const waiting = async () => (await database.query('select from mail_outbox')).length
    const events = () =>
      database.query<{ event: string; address: string; details: Record<string, unknown> }>(
        'select event, address, details from audit_events order by id',
      )

    /** A node whose server answers with these outcomes, and `sent` from then on. */
    function node(outcomes: SendOutcome[] = []) {
      const logger = recordingLogger()
      const sent: string[] = []
      let undone = 0
      const prepare: PrepareMail = async (_purpose, recipient) =>
        recipient.startsWith('nobody')
          ? undefined
          : {
              userId: '1',
              mail: { to: recipient, subject: 's', text: 't' },
              undo: async () => {
                undone++
              },
            }
      const send = async ({ to }: { to: string }): Promise<SendOutcome> => {
        const outcome = outcomes.shift() ?? { outcome: 'sent' }
        if (outcome.outcome === 'sent') sent.push(to)
        return outcome
      }
      const counted: string[] = []
      const count = (_purpose: string, outcome: string) => counted.push(outcome)
      const delivery = makeDelivery({ outbox: outbox(), prepare, send, count, clock, logger })
      return { run: delivery.run, sent, logger, counted, undone: () => undone }
    }

    it('each is sent once, by whichever node takes it; for nobody there is none', async () => {
      for (let number = 0; number < 30; number++)
        await ask(`${number % 3 ? 'user' : 'nobody'}${number}@example.com`)
      await ask('user1@example.com')
      const nodes = [node(), node(), node()]
      await Promise.all(nodes.map(({ run }) => run()))
      const sent = nodes.flatMap((one) => one.sent)
      expect(sent).to.have.length(20)
      expect(new Set(sent).size).to.equal(20)
      expect(await waiting()).to.equal(0)
    })

    it('it is written down who was written to, and where that was asked for; not what was typed', async () => {
      const request = { id: 'r1', address: '192.0.2.1' }
      await withRequest(request, () => ask('user@example.com'))
      await ask('nobody@example.com')
      await node().run()
      expect(await events()).to.deep.equal([
        { event: 'mail.sent', address: '192.0.2.1', details: { purpose } },
      ])
    })

    it('a server that is away is asked again, less and less often, and no more after eight minutes', async () => {
      await ask('user@example.com')
      const { run, sent, logger, counted, undone } = node(Array.from({ length: 10 }, () => FAILED))
      const tried: number[] = []
      for (let second = 0; second <= 1200; second += 5) {
        const before = undone()
        await run()
        if (undone() > before) tried.push(second)
        clock.advance(5000)
      }
      expect(tried).to.deep.equal([0, 5, 35, 155, 455])
      expect(sent).to.deep.equal([])
      expect(counted).to.deep.equal(Array(5).fill('failed'))
      expect(await waiting()).to.equal(0)
      const details = { purpose, attempts: 5, reason: 'ECONNECTION' }
      expect((await events()).map((event) => event.details)).to.deep.equal([details])
      expect(logger.lines.at(-1)).to.include({
        level: 'error',
        message: 'a mail was not sent, and is given up',
      })
      expect(JSON.stringify(logger.lines)).not.to.contain('user@example.com')
    })

    it('a mail that the server refuses for good is not sent again', async () => {
      await ask('user@example.com')
      const { run, undone } = node([{ outcome: 'rejected', reason: 'EENVELOPE 550' }])
      await run()
      clock.advance(3_600_000)
      await run()
      expect(undone()).to.equal(1)
      expect((await events()).map(({ event }) => event)).to.deep.equal(['mail.failed'])
    })

    it('what a node that died had taken is sent by another one, two minutes later', async () => {
      await ask('user@example.com')
      await outbox().claim(clock.now(), 10, 120_000)
      const { run, sent } = node()
      await run()
      expect(sent).to.deep.equal([])
      clock.advance(120_000)
      await run()
      expect(sent).to.deep.equal(['user@example.com'])
    })

    it('a store that is away is no end of it: what waits is sent later', async () => {
      await ask('user@example.com')
      const broken = { ...outbox(), claim: () => Promise.reject(new Error('away')) }
      const logger = recordingLogger()
      const prepare = async () => undefined
      const send = async () => ({ outcome: 'sent' }) as const
      await makeDelivery({ outbox: broken, prepare, send, count: () => {}, clock, logger }).run()
      expect(logger.lines.map(({ level }) => level)).to.deep.equal(['warn'])
      expect(await waiting()).to.equal(1)
    })
  })
})
