import { expect } from 'chai'
import { TestClock } from './clock.ts'

describe('TestClock', () => {
  it('wakes whoever waited, in the order of their moments, and nobody too early', async () => {
    const clock = new TestClock()
    const woken: string[] = []
    const late = clock.wait(2000).then(() => woken.push('late'))
    const early = clock.wait(1000).then(() => woken.push('early'))
    clock.advance(999)
    await Promise.resolve()
    expect(woken).to.deep.equal([])
    expect(clock.waiting).to.equal(2)
    clock.advance(1001)
    await Promise.all([late, early])
    expect(woken).to.deep.equal(['early', 'late'])
  })

  it('moves itself by what is waited where that is asked for', async () => {
    const clock = new TestClock(new Date(0), { autoAdvance: true })
    await clock.wait(1500)
    expect(clock.now()).to.deep.equal(new Date(1500))
  })
})
