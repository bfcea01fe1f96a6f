import { expect } from 'chai'
import { type Bounds, type LeavePlace, makeAdmission, type RequestClass } from '../../src/http/admission.ts'
import { TestClock } from '../support/clock.ts'

const SMALL: Bounds = { serving: 2, waiting: 2 }

describe('places for requests', () => {
  let clock: TestClock
  let served: string[]
  let refused: string[]
  let leave: Record<string, LeavePlace>
  let enter: (name: string, kind?: RequestClass) => void

  beforeEach(() => {
    clock = new TestClock()
    const admission = makeAdmission(clock, {
      token: SMALL,
      login: SMALL,
      introspection: SMALL,
      account: SMALL,
    })
    served = []
    refused = []
    leave = {}
    enter = (name, kind = 'token') =>
      admission.enter(
        kind,
        (leavePlace) => {
          served.push(name)
          leave[name] = leavePlace
        },
        () => refused.push(name),
      )
  })

  it('F-402 are bounded, and so is the queue for them: first come, first served', () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) enter(name)
    expect(served).to.deep.equal(['a', 'b'])
    expect(refused, 'the queue is full').to.deep.equal(['e'])
    leave['b']?.()
    leave['a']?.()
    expect(served).to.deep.equal(['a', 'b', 'c', 'd'])
  })

  it('F-402 are nothing that another class can take', () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) enter(name, 'login')
    enter('refresh', 'token')
    expect(served).to.deep.equal(['a', 'b', 'refresh'])
  })

  it('are given back once, however often that is said', () => {
    for (const name of ['a', 'b', 'c', 'd']) enter(name)
    leave['a']?.()
    leave['a']?.()
    expect(served).to.deep.equal(['a', 'b', 'c'])
  })

  it('F-402 whoever has waited a second is refused, and who came later is not', async () => {
    for (const name of ['a', 'b', 'early']) enter(name)
    clock.advance(600)
    enter('late')
    clock.advance(399)
    leave['a']?.()
    expect(served, 'in time').to.deep.equal(['a', 'b', 'early'])
    clock.advance(600)
    leave['b']?.()
    expect([served, refused]).to.deep.equal([['a', 'b', 'early', 'late'], []])
    enter('never')
    clock.advance(1000)
    leave['early']?.()
    expect([served, refused]).to.deep.equal([['a', 'b', 'early', 'late'], ['never']])
  })

  it('F-402 is refused by itself though no place becomes free', async () => {
    for (const name of ['a', 'b', 'c']) enter(name)
    while (refused.length === 0) {
      expect(clock.now().getTime() - new TestClock().now().getTime()).to.be.at.most(1100)
      clock.advance(100)
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(refused).to.deep.equal(['c'])
  })
})
