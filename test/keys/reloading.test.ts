import { expect } from 'chai'
import { addSeconds } from '../../src/clock.ts'
import { reloading } from '../../src/keys/reloading.ts'
import { TestClock } from '../support/clock.ts'
import { failureOf, memoryLogger, NOW, SCHEDULE } from './fixtures.ts'

/** A value on a far side that answers when told, with the far side's time. */
function farSide(clockOff = 0) {
  const clock = new TestClock(addSeconds(NOW, clockOff))
  const asked: { answer: (value: string, now?: Date) => void; fail: (error: Error) => void }[] = []
  const readings = reloading<{ now: Date; value: string }, string>({
    read: () =>
      new Promise((resolve, reject) => {
        asked.push({ answer: (value, now = NOW) => resolve({ value, now }), fail: reject })
      }),
    accept: async ({ value }) => value,
    what: 'values',
    clock,
    schedule: SCHEDULE,
    logger: memoryLogger(),
  })
  return { clock, asked, readings }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

describe('what is read again and again', () => {
  it('keeps the last good value when a reading fails', async () => {
    const { readings, asked } = farSide()
    expect(readings.latest()).to.equal(undefined)
    const first = readings.reload()
    asked[0]?.answer('one')
    await first
    const second = readings.reload()
    asked[1]?.fail(new Error('down'))
    expect(await failureOf(second)).to.match(/down/)
    expect(readings.latest()?.value).to.equal('one')
  })

  it('knows the far side’s time, whatever its own clock shows', async () => {
    for (const clockOff of [-3600, 0, 3600]) {
      const { readings, asked, clock } = farSide(clockOff)
      const reading = readings.reload()
      asked[0]?.answer('one')
      await reading
      clock.advance(5000)
      expect(readings.latest()?.databaseNow()).to.deep.equal(addSeconds(NOW, 5))
      expect(readings.latest()?.ageSeconds()).to.equal(5)
    }
  })

  it('is as old as its question, not as its answer', async () => {
    const { readings, asked, clock } = farSide()
    const reading = readings.reload()
    clock.advance(20_000)
    asked[0]?.answer('one')
    await reading
    expect(readings.latest()?.ageSeconds()).to.equal(20)
  })

  it('throws away an answer so slow that the far side’s time is not known', async () => {
    for (const [seconds, value] of [
      [SCHEDULE.clockSkewSeconds, 'one'],
      [SCHEDULE.clockSkewSeconds + 1, undefined],
    ] as const) {
      const { readings, asked, clock } = farSide()
      const reading = readings.reload().catch(() => {})
      clock.advance(seconds * 1000)
      asked[0]?.answer('one')
      await reading
      expect(readings.latest()?.value).to.equal(value)
    }
  })

  it('shares one reading among all who ask while another is under way, and it begins after they asked', async () => {
    const { readings, asked } = farSide()
    const first = readings.reload()
    const waiting = [1, 2, 3].map(() => readings.reload())
    expect(asked).to.have.length(1)
    asked[0]?.answer('before they asked')
    await first
    await settled()
    expect(asked).to.have.length(2)
    asked[1]?.answer('after they asked')
    await Promise.all(waiting)
    expect(readings.latest()?.value).to.equal('after they asked')
    expect(asked).to.have.length(2)
  })

  it('gives those who wait their own reading when the one under way fails', async () => {
    const { readings, asked } = farSide()
    const first = failureOf(readings.reload())
    const waiting = readings.reload()
    asked[0]?.fail(new Error('down'))
    expect(await first).to.match(/down/)
    await settled()
    asked[1]?.answer('up again')
    await waiting
    expect(readings.latest()?.value).to.equal('up again')
  })
})
