import { expect } from 'chai'
import { STRATEGIES } from '../../bench/simulation/strategies/all.ts'
import type { Family, Strategy } from '../../bench/simulation/strategy.ts'

/** One thing that happens to a session: somebody presents the nth token that was given out (0: the first). */
type Step = readonly [seconds: number, presents: number, answer: 'new' | 'current' | 'refused' | 'theft']

const WINDOW = 60

/**
 * Plays steps on a new session. `new`: a token never seen before; `current`: one that was given out already.
 * @returns the session, for more questions
 */
function play(id: string, steps: readonly Step[], kind: 'browser' | 'native' = 'browser'): Family {
  let minted = 0
  const family = strategy(id).begin(kind, 0, () => ++minted)
  const given = [family.token]
  for (const [number, [seconds, presents, expected]] of steps.entries()) {
    const answer = family.refresh(given[presents] ?? -1, seconds)
    const isNew = answer.kind === 'granted' && !given.includes(answer.token)
    const got = answer.kind === 'granted' ? (isNew ? 'new' : 'current') : answer.kind
    expect(got, `${id}, step ${number + 1}`).to.equal(expected)
    if (isNew && answer.kind === 'granted') given.push(answer.token)
  }
  return family
}

function strategy(id: string): Strategy {
  const found = STRATEGIES.find((candidate) => candidate.id === id)
  if (!found) throw new Error(`no strategy ${id}`)
  return found
}

describe('the strategies of the simulation', () => {
  for (const { id } of STRATEGIES) {
    it(`${id}: a client that nothing happens to refreshes for ever`, () => {
      const steps = Array.from({ length: 50 }, (_, n): Step => [n * 480, n, 'new'])
      expect(play(id, steps).liveChains()).to.equal(1)
    })
  }

  it('strict single use takes every second use for a theft, a retry too', () => {
    play('strict', [
      [10, 0, 'new'],
      [11, 0, 'theft'],
      [12, 1, 'refused'],
    ])
  })

  it('grace with a new child forks: both children go on, and only after the grace is a replay a theft', () => {
    const family = play('grace-new-child', [
      [10, 0, 'new'],
      [11, 0, 'new'],
      [20, 1, 'new'],
      [20, 2, 'new'],
    ])
    expect(family.liveChains()).to.equal(2)
    play('grace-new-child', [
      [10, 0, 'new'],
      [10 + WINDOW, 0, 'new'],
      [11 + WINDOW, 0, 'theft'],
      [12 + WINDOW, 2, 'refused'],
    ])
  })

  it('previous until used: no time limit, the displaced child dies unheard, and nothing is ever a theft', () => {
    play('previous-until-used', [
      [10, 0, 'new'],
      [90_000, 0, 'new'],
      [90_001, 1, 'refused'],
      [90_002, 2, 'new'],
      [90_003, 0, 'refused'],
    ])
  })

  it('counter without a limit: the previous gets the current at any time, an older one is a theft', () => {
    play('counter-no-limit', [
      [10, 0, 'new'],
      [90_000, 0, 'current'],
      [90_001, 1, 'new'],
      [90_002, 0, 'theft'],
      [90_003, 2, 'refused'],
    ])
  })

  it('grace with a displaced child: a retry displaces, and the displaced one is a theft', () => {
    play('grace-displaced-child', [
      [10, 0, 'new'],
      [11, 0, 'new'],
      [12, 2, 'new'],
    ])
    play('grace-displaced-child', [
      [10, 0, 'new'],
      [11, 0, 'new'],
      [12, 1, 'theft'],
    ])
    play('grace-displaced-child', [
      [10, 0, 'new'],
      [11 + WINDOW, 0, 'theft'],
    ])
  })

  it('Keyturn: a retry gets the identical token, and the late policy is the client class’s', () => {
    const retry: Step[] = [
      [10, 0, 'new'],
      [10 + WINDOW, 0, 'current'],
    ]
    play('keyturn', [...retry, [11 + WINDOW, 0, 'theft']], 'browser')
    play('keyturn', [...retry, [11 + WINDOW, 0, 'new'], [12 + WINDOW, 1, 'theft']], 'native')
    play('keyturn-revoke', [...retry, [11 + WINDOW, 0, 'theft']], 'native')
    play('keyturn-supersede', [...retry, [11 + WINDOW, 0, 'new']], 'browser')
  })

  describe('when the store forgets a rotation', () => {
    const rotated: Step[] = [
      [10, 0, 'new'],
      [500, 1, 'new'],
    ]
    const fault = { at: 501, nodeDies: false }

    for (const id of ['strict', 'grace-new-child', 'previous-until-used', 'counter-no-limit']) {
      it(`${id}: the token that was given out is unknown, and the spent one works again`, () => {
        const family = play(id, rotated)
        family.loseWritesSince(500, fault)
        expect(family.refresh(3, 980).kind).to.equal('refused')
        expect(family.refresh(2, 981).kind).to.equal('granted')
      })
    }

    it('Keyturn: the record knows, the token works, and the spent one stays spent', () => {
      const family = play('keyturn', rotated)
      family.loseWritesSince(500, fault)
      expect(family.refresh(3, 980)).to.deep.equal({ kind: 'granted', token: 4 })
      const replayed = play('keyturn', rotated)
      replayed.loseWritesSince(500, fault)
      expect(replayed.refresh(2, 570).kind).to.equal('theft')
    })

    it('Keyturn: an empty store is rebuilt; where the node died before its flush, the token rolls it forward', () => {
      const empty = play('keyturn', rotated)
      empty.loseEverything(fault)
      expect(empty.refresh(3, 980)).to.deep.equal({ kind: 'granted', token: 4 })
      const both = play('keyturn', rotated)
      both.loseEverything({ at: 500.05, nodeDies: true })
      expect(both.refresh(3, 980)).to.deep.equal({ kind: 'granted', token: 4 })
    })

    it('control: without its record an empty store is the end, and a forgotten rotation revives the spent token', () => {
      const empty = play('keyturn-no-anchor', rotated)
      empty.loseEverything(fault)
      expect(empty.refresh(3, 980).kind).to.equal('refused')
      const replayed = play('keyturn-no-anchor', rotated)
      replayed.loseWritesSince(500, fault)
      expect(replayed.refresh(2, 570)).to.deep.equal({ kind: 'granted', token: 3 })
    })
  })
})
