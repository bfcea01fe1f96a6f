import { expect } from 'chai'
import { coalesce } from '../../src/postgres/coalesce.ts'

describe('coalesced reads', () => {
  it('what is asked in one turn of the event loop is asked once, and everyone gets the own answer', async () => {
    const calls: number[][] = []
    const double = coalesce(async (numbers: readonly number[]) => {
      calls.push([...numbers])
      return numbers.map((n) => 2 * n)
    })
    expect(await Promise.all([1, 2, 3].map(double))).to.deep.equal([2, 4, 6])
    expect(await double(4)).to.equal(8)
    expect(calls).to.deep.equal([[1, 2, 3], [4]])
  })

  it('a failure reaches everyone who asked, and nobody else', async () => {
    let fails = true
    const read = coalesce(async (questions: readonly string[]) => {
      if (fails) throw new Error('no answer')
      return questions
    })
    const failed = await Promise.allSettled([read('a'), read('b')])
    expect(failed.map(({ status }) => status)).to.deep.equal(['rejected', 'rejected'])
    fails = false
    expect(await read('c')).to.equal('c')
  })

  it('more than a batch becomes several', async () => {
    const sizes: number[] = []
    const read = coalesce(async (numbers: readonly number[]) => {
      sizes.push(numbers.length)
      return numbers
    }, 2)
    expect(await Promise.all([1, 2, 3, 4, 5].map(read))).to.deep.equal([1, 2, 3, 4, 5])
    expect(sizes).to.deep.equal([2, 2, 1])
  })
})
