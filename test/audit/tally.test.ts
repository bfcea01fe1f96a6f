import { expect } from 'chai'
import type { AuditEvent, AuditEventName, HeldAuditEvent } from '../../src/audit/events.ts'
import { makeTally } from '../../src/audit/tally.ts'
import { withRequest } from '../../src/telemetry/request-context.ts'
import { Unavailable } from '../../src/unavailable.ts'
import { TestClock } from '../support/clock.ts'
import { recordingLogger } from '../support/logger.ts'
import { until } from '../support/until.ts'

const MINUTE_MS = 60_000

/** A tally that writes into a list, or fails. */
function startTally(options: { maxKeys?: number } = {}) {
  const clock = new TestClock()
  const logger = recordingLogger()
  const rows: HeldAuditEvent[] = []
  const store = { isDown: false }
  const tally = makeTally({
    async write(held) {
      if (store.isDown) throw new Unavailable('postgres', 'no answer')
      rows.push(...held)
    },
    clock,
    logger,
    ...options,
  })
  const counts = () => rows.map(({ event }) => event.details?.['count'])
  return { tally, clock, logger, rows, store, counts }
}

function event(name: AuditEventName, details: AuditEvent['details'] = {}): AuditEvent {
  return { event: name, actor: 'client:shop', clientId: 'shop', details }
}

describe('the tally', () => {
  it('writes the first event at once and the rest of its window as one row', async () => {
    const { tally, clock, rows, counts } = startTally()
    tally.note(event('family.expired', { family: 'f' }), 'f')
    await tally.writeDue()
    expect(rows[0]?.event).to.deep.equal(event('family.expired', { family: 'f', count: 1 }))
    for (let more = 0; more < 1000; more++) tally.note(event('family.expired'), 'f')
    clock.advance(10 * MINUTE_MS - 1)
    await tally.writeDue()
    expect(counts()).to.deep.equal([1])
    clock.advance(1)
    await tally.writeDue()
    expect(counts()).to.deep.equal([1, 1000])
  })

  it('writes the first event by itself, without being asked', async () => {
    const { tally, counts } = startTally()
    tally.note(event('family.expired'), 'f')
    await until(() => counts().length > 0)
    expect(counts()).to.deep.equal([1])
    tally.stop()
  })

  it('forgets a key after a quiet window: its next event is a first one again', async () => {
    const { tally, clock, counts } = startTally()
    for (let round = 0; round < 2; round++) {
      tally.note(event('family.expired'), 'f')
      await tally.writeDue()
      clock.advance(10 * MINUTE_MS)
      await tally.writeDue()
    }
    expect(counts()).to.deep.equal([1, 1])
  })

  it('keeps events, and keys, apart; the ones of a node have a window of a minute', async () => {
    const { tally, clock, rows } = startTally()
    const note = () => {
      tally.note(event('family.expired'), 'f')
      tally.note(event('family.expired'), 'g')
      tally.note(event('family.degraded'), 'f')
    }
    note()
    await tally.writeDue()
    note()
    clock.advance(MINUTE_MS)
    await tally.writeDue()
    expect(rows.map((row) => row.event.event)).to.deep.equal([
      'family.expired',
      'family.expired',
      'family.degraded',
      'family.degraded',
    ])
  })

  it('names the request of the latest event', async () => {
    const { tally, rows } = startTally()
    for (const id of ['one', 'two']) {
      withRequest({ id, address: '192.0.2.1' }, () => tally.note(event('login.refused'), 'alice'))
    }
    await tally.flush()
    expect(rows[0]?.request).to.include({ id: 'two', address: '192.0.2.1' })
  })

  it('loses nothing while the store is down, logs once, and keeps no more than one count a key', async () => {
    const { tally, store, logger, counts } = startTally()
    store.isDown = true
    for (let attempt = 0; attempt < 5; attempt++) {
      tally.note(event('family.expired'), 'f')
      await tally.writeDue()
    }
    await tally.flush()
    expect(logger.lines.map(({ level }) => level)).to.deep.equal(['warn'])
    store.isDown = false
    await tally.writeDue()
    expect(counts()).to.deep.equal([5])
  })

  it('flush writes what is not due, and begins no new windows', async () => {
    const { tally, counts } = startTally()
    tally.note(event('family.expired'), 'f')
    await tally.flush()
    tally.note(event('family.expired'), 'f')
    await tally.writeDue()
    expect(counts()).to.deep.equal([1])
    await tally.flush()
    expect(counts()).to.deep.equal([1, 1])
  })

  it('beyond its keys counts without saying whom: as many rows as keys, and one an event', async () => {
    const { tally, rows } = startTally({ maxKeys: 3 })
    for (let key = 0; key < 1000; key++) tally.note(event('login.refused', { key }), String(key))
    await tally.writeDue()
    expect(rows).to.have.length(4)
    expect(rows[3]?.event).to.deep.equal({
      event: 'login.refused',
      actor: 'keyturn',
      details: { others: true, count: 997 },
    })
  })

  it('beyond its keys says where the latest came from', async () => {
    const { tally, rows } = startTally({ maxKeys: 1 })
    for (const id of ['one', 'two', 'three']) {
      withRequest({ id, address: `192.0.2.${id.length}` }, () => tally.note(event('login.refused'), id))
    }
    await tally.flush()
    expect(rows.map(({ request }) => request?.id)).to.deep.equal(['one', 'three'])
    expect(rows[1]?.request?.address).to.equal('192.0.2.5')
    expect(rows[1]?.event.details).to.deep.equal({ others: true, count: 2 })
  })

  it('an event with too many keys takes none from another event', async () => {
    const { tally, rows } = startTally({ maxKeys: 3 })
    for (let key = 0; key < 1000; key++) tally.note(event('login.refused'), String(key))
    const thief = { ...event('family.foreign_client', { family: 'f' }), userId: '7' }
    tally.note(thief, 'f')
    await tally.writeDue()
    expect(rows.at(-1)?.event).to.deep.equal({ ...thief, details: { family: 'f', count: 1 } })
  })

  it('names whom it concerns again after a quiet window', async () => {
    const { tally, clock, rows } = startTally({ maxKeys: 1 })
    for (const key of ['a', 'b']) tally.note(event('login.refused'), key)
    await tally.writeDue()
    clock.advance(10 * MINUTE_MS)
    await tally.writeDue()
    tally.note(event('login.refused', { key: 'b' }), 'b')
    await tally.writeDue()
    expect(rows[2]?.event.details).to.deep.equal({ key: 'b', count: 1 })
  })

  it('a clock that was set back delays no row by more than a window', async () => {
    const { tally, clock, counts } = startTally()
    tally.note(event('family.expired'), 'f')
    await tally.writeDue()
    tally.note(event('family.expired'), 'f')
    clock.set(new Date(clock.now().getTime() - 24 * 60 * MINUTE_MS))
    await tally.writeDue()
    expect(counts()).to.deep.equal([1, 1])
  })
})
