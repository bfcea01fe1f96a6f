import { expect } from 'chai'
import { auditChainPostgres } from '../../src/audit/audit-chain-postgres.ts'
import { auditLogPostgres } from '../../src/audit/audit-log-postgres.ts'
import { recordAudit } from '../../src/audit/audit-postgres.ts'
import type { AuditEventName } from '../../src/audit/events.ts'
import type { Database } from '../../src/postgres/database.ts'
import { makeWebhookDelivery } from '../../src/webhooks/delivery.ts'
import type { SendOutcome } from '../../src/webhooks/send.ts'
import { deriveWebhookSecret, signatureHeaders } from '../../src/webhooks/signature.ts'
import { webhooksPostgres } from '../../src/webhooks/webhooks-postgres.ts'
import { TestClock } from '../support/clock.ts'
import { forEachDatabase } from '../support/databases.ts'
import { recordingLogger } from '../support/logger.ts'

const KEY = { version: 1, key: Buffer.alloc(32, 7), activatesAt: new Date(0) }
const keys = { current: async () => KEY, version: async () => KEY }
const FAILED: SendOutcome = { outcome: 'failed', reason: 'status_500' }
const DAY_MS = 86_400_000

interface Sent {
  readonly url: string
  readonly id: string
  readonly type: string
}

forEachDatabase((_name, open) => {
  describe('what webhooks are told', () => {
    let database: Database
    let clock: TestClock
    beforeEach(async () => {
      database = await open()
      clock = new TestClock()
      await chain()
    })

    const chain = async () => {
      const audit = auditChainPostgres(database)
      await audit.look()
      await audit.extend({ version: 1, key: Buffer.alloc(32) })
    }
    const happens = async (...events: AuditEventName[]) => {
      for (const event of events) await recordAudit(database, { event, actor: 'operator', userId: '7' })
      await chain()
    }
    const webhooks = () => webhooksPostgres(database)
    const add = (id: string, events: readonly string[]) =>
      webhooks().add(
        { id, url: `https://${id}.example/`, events, keyVersion: 1, createdAt: clock.now() },
        { event: 'webhook.created', actor: 'operator' },
      )

    /** A node whose receivers answer with these outcomes, and take it from then on. */
    function node(outcomes: Record<string, SendOutcome[]> = {}) {
      const sent: Sent[] = []
      const requests: { headers: Readonly<Record<string, string>>; body: string }[] = []
      const send = async (url: string, headers: Readonly<Record<string, string>>, body: string) => {
        requests.push({ headers, body })
        const name = new URL(url).hostname.replace('.example', '')
        const outcome = outcomes[name]?.shift() ?? { outcome: 'delivered' as const }
        if (outcome.outcome === 'delivered')
          sent.push({ url, id: headers['webhook-id'] ?? '', type: JSON.parse(body).type })
        return outcome
      }
      const logger = recordingLogger()
      const log = auditLogPostgres(database)
      const delivery = makeWebhookDelivery({ webhooks: webhooks(), log, keys, send, clock, logger })
      const types = (name: string) => sent.filter(({ url }) => url.includes(name)).map(({ type }) => type)
      return { ...delivery, sent, requests, types }
    }

    it('each event of its names, in order, and nothing from before it was made', async () => {
      await happens('user.created')
      await add('some', ['user.*', 'session.begun'])
      await add('all', ['*'])
      await happens('session.begun', 'client.created', 'user.disabled', 'session.ended')
      const { run, types } = node()
      await run()
      expect(types('some')).to.deep.equal(['session.begun', 'user.disabled'])
      expect(types('all')).to.include.members(['client.created', 'session.ended', 'webhook.created'])
      const [some] = await webhooks().list(10, 'all')
      expect(some?.position).to.equal((await auditLogPostgres(database).claims())?.head.position)
      await run()
      expect(types('some')).to.have.length(2)
    })

    it('is signed with its secret, and says who it happened to', async () => {
      await add('one', ['session.begun'])
      await happens('session.begun')
      const { run, requests } = node()
      await run()
      const [{ headers, body } = { headers: {}, body: '' }] = requests
      const message = { id: headers['webhook-id'] ?? '', body }
      expect(headers).to.deep.equal(
        signatureHeaders(deriveWebhookSecret(KEY.key, 'one'), message, clock.now()),
      )
      const { type, timestamp, data } = JSON.parse(body)
      expect([type, data.user_id, data.actor]).to.deep.equal(['session.begun', '7', 'operator'])
      expect(new Date(timestamp).toISOString()).to.match(/Z$/)
    })

    it('what it does not take comes again with the same id, later and later, before what follows', async () => {
      await add('one', ['session.*'])
      await happens('session.begun', 'session.ended')
      const { run, sent, requests } = node({ one: [FAILED, FAILED] })
      await run()
      await run()
      expect(requests, 'not before its time').to.have.length(1)
      clock.advance(6000)
      await run()
      clock.advance(20_000)
      await run()
      expect(requests).to.have.length(2)
      clock.advance(20_000)
      await run()
      expect(sent.map(({ type }) => type)).to.deep.equal(['session.begun', 'session.ended'])
      expect(new Set(requests.map(({ headers }) => headers['webhook-id'])).size).to.equal(2)
      expect((await webhooks().find('one'))?.lastError).to.equal(null)
    })

    it('one that takes nothing holds up no other; after a day the event is kept aside and the next one comes', async () => {
      await add('down', ['session.*'])
      await add('up', ['session.*'])
      await happens('session.begun', 'session.ended')
      const { run, types } = node({ down: Array.from({ length: 11 }, () => FAILED) })
      await run()
      expect(types('up')).to.deep.equal(['session.begun', 'session.ended'])
      for (let tries = 1; tries <= 10; tries++) {
        expect(await webhooks().failures('down', 10)).to.deep.equal([])
        clock.advance(DAY_MS)
        await run()
      }
      expect(types('down')).to.deep.equal(['session.ended'])
      const [failure] = await webhooks().failures('down', 10)
      expect(failure).to.include({ event: 'session.begun', reason: 'status_500' })

      expect(await webhooks().retry('down', clock.now())).to.equal(1)
      await run()
      expect(types('down')).to.deep.equal(['session.ended', 'session.begun'])
      expect(await webhooks().failures('down', 10)).to.deep.equal([])
    })

    it('what is sent again and refused again stays kept aside', async () => {
      await add('down', ['session.*'])
      await happens('session.begun')
      const { run } = node({ down: Array.from({ length: 12 }, () => FAILED) })
      for (let tries = 0; tries <= 10; tries++) {
        await run()
        clock.advance(DAY_MS)
      }
      await webhooks().retry('down', clock.now())
      await run()
      expect(await webhooks().failures('down', 10)).to.have.length(1)
    })

    it('one that says it is gone is told nothing any more, and that is in the audit log', async () => {
      await add('one', ['session.*'])
      await happens('session.begun', 'session.ended')
      const { run, requests } = node({ one: [{ outcome: 'gone', reason: 'status_410' }] })
      await run()
      clock.advance(DAY_MS)
      await run()
      expect(requests).to.have.length(1)
      expect((await webhooks().find('one'))?.disabledAt).not.to.equal(null)
      const events = await database.query("select from audit_events where event = 'webhook.disabled'")
      expect(events).to.have.length(1)
    })

    it('two nodes tell each event once', async () => {
      await add('one', ['session.*'])
      for (let round = 0; round < 5; round++) await happens(...Array(10).fill('session.begun'))
      const [left, right] = [node(), node()]
      await Promise.all([left.run(), right.run()])
      await left.run()
      const ids = [...left.sent, ...right.sent].map(({ id }) => id)
      expect(ids).to.have.length(50)
      expect(new Set(ids).size).to.equal(50)
    })

    it('a node that died in the middle is followed by another, from the last event that arrived', async () => {
      await add('one', ['session.*'])
      await happens('session.begun', 'session.ended')
      await webhooks().claim(clock.now(), 8, 300_000)
      const { run, types } = node()
      await run()
      expect(types('one'), 'it may still be at it').to.deep.equal([])
      clock.advance(300_000)
      await run()
      expect(types('one')).to.deep.equal(['session.begun', 'session.ended'])
    })
  })
})
