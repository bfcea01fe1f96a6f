import { expect } from 'chai'
import { longestStandstillMs, watchStandstill } from '../../src/telemetry/standstill.ts'

describe('a process that has stood still', () => {
  let now: number
  beforeEach(() => {
    now = 1000
  })
  const watch = () => watchStandstill(longestStandstillMs(60), () => now)

  it('F-103 knows at once, before any timer has come to its turn', () => {
    const standstill = watch()
    now += 15_001
    expect(standstill.isRecent()).to.equal(true)
  })

  it('F-103 trusts nothing for two seconds: what had piled up is read by then', () => {
    const standstill = watch()
    now += 300_000
    expect(standstill.isRecent()).to.equal(true)
    now += 1999
    expect(standstill.isRecent()).to.equal(true)
    now += 1
    expect(standstill.isRecent()).to.equal(false)
  })

  it('is not one that was busy for a quarter of the retry window', () => {
    const standstill = watch()
    now += 15_000
    expect(standstill.isRecent()).to.equal(false)
  })

  it('is not one that nobody asked for a while: it looks by itself, and keeps no process alive', () => {
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const before = timers()
    const standstill = watchStandstill(longestStandstillMs(60))
    standstill.start()
    expect(timers()).to.equal(before)
    expect(standstill.isRecent()).to.equal(false)
    standstill.stop()
  })
})
