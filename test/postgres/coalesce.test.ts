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
    const read = coalesce(
      async (numbers: readonly number[]) => {
        sizes.push(numbers.length)
        return numbers
      },
      { most: 2 },
    )
    expect(await Promise.all([1, 2, 3, 4, 5].map(read))).to.deep.equal([1, 2, 3, 4, 5])
    expect(sizes).to.deep.equal([2, 2, 1])
  })

  describe('where many requests are under way', () => {
    const gather = (underWay: () => number) => {
      const calls: number[] = []
      const read = coalesce(
        async (numbers: readonly number[]) => {
          calls.push(numbers.length)
          return numbers
        },
        { underWay },
      )
      return { calls, read }
    }
    const turn = () => new Promise((resolve) => setImmediate(resolve))

    it('what is asked some turns apart is asked once', async () => {
      const { calls, read } = gather(() => 80)
      const first = read(1)
      for (let turns = 0; turns < 3; turns++) await turn()
      await Promise.all([first, read(2)])
      expect(calls).to.deep.equal([2])
    })

    it('nobody waits once all are here', async () => {
      const { calls, read } = gather(() => 9)
      const all = Promise.all([1, 2, 3, 4, 5, 6, 7, 8, 9].map(read))
      await turn()
      await turn()
      expect(calls).to.deep.equal([9])
      await all
    })

    it('control: where there are few, the end of the turn is the end of the wait', async () => {
      const { calls, read } = gather(() => 8)
      const first = read(1)
      for (let turns = 0; turns < 3; turns++) await turn()
      await Promise.all([first, read(2)])
      expect(calls).to.deep.equal([1, 1])
    })
  })
})
