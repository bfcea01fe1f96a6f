import { expect } from 'chai'
import { judge } from '../../bench/comparison/gate/judge.ts'

const outcomeOf = (median: number, low: number, before?: number) =>
  judge(
    new Map([['refresh', { median, low, high: median }]]),
    before === undefined ? {} : { refresh: before },
  )[0]?.outcome

describe('the gate of the benchmark', () => {
  it('stops what has become dearer by more than a tenth', () => {
    expect(outcomeOf(1.66, 1.6, 1.5)).to.equal('worse')
    expect(outcomeOf(3, 2.9, 1.5)).to.equal('worse')
  })

  it('lets a tenth pass, and rounds that were worse while the best was not', () => {
    expect(outcomeOf(1.64, 1.6, 1.5)).to.equal('as before')
    expect(outcomeOf(1.9, 1.49, 1.5)).to.equal('as before')
  })

  it('says what has become better, and what is new', () => {
    expect(outcomeOf(1.3, 1.2, 1.5)).to.equal('better')
    expect(outcomeOf(1.3, 1.2)).to.equal('new')
  })

  it('takes no figure for worse', () => {
    expect(outcomeOf(Number.NaN, Number.NaN, 1.5)).to.equal('worse')
  })
})
