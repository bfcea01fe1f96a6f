import { expect } from 'chai'
import { type KeyLane, planPicture } from '../../src/keys/plan-picture.ts'

const NOW = '2026-03-01T12:00:00.000Z'
const day = (days: number) => new Date(Date.parse(NOW) + days * 86_400_000).toISOString()

function lane(kid: string, times: Partial<Record<keyof KeyLane, string>>): KeyLane {
  const none = { activatesAt: null, retiresAt: null, revokedAt: null, removesAt: null }
  return { kid, algorithm: 'RS256', publishedAt: day(-60), ...none, ...times }
}

const LANES = [
  lane('retired-key', { activatesAt: day(-50), retiresAt: day(-1), removesAt: day(1) }),
  lane('revoked-key', { activatesAt: day(-20), revokedAt: day(-1), removesAt: day(2) }),
  lane('active-key', { publishedAt: day(-30), activatesAt: day(-1), retiresAt: day(20), removesAt: day(22) }),
  lane('next-key', { publishedAt: day(-1) }),
]

/** The elements that are open, until all are closed; a mistake where one is not. */
function wellFormed(xml: string): string | undefined {
  const open: string[] = []
  for (const [tag, closing, name = '', rest = ''] of xml.matchAll(
    /<(\/?)([a-zA-Z][\w-]*)((?:\s[\w:-]+="[^"<]*")*)\s*\/?>/g,
  )) {
    if (closing) {
      if (open.pop() !== name) return `${tag} closes another`
    } else if (!tag.endsWith('/>')) open.push(name)
    else if (rest === undefined) return tag
  }
  const text = xml.replace(/<\/?[a-zA-Z][\w-]*(?:\s[\w:-]+="[^"<]*")*\s*\/?>/g, '')
  if (/[<]|&(?!#\d+;)/.test(text)) return 'a character that is not escaped'
  return open.length === 0 ? undefined : `${open.join(' ')} left open`
}

function barsOf(xml: string, kid: string) {
  const pattern = /data-kid="([^"]*)" data-phase="(\w+)" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)"/g
  return [...xml.matchAll(pattern)]
    .filter(([, name]) => name === kid)
    .map(([, , phase, x, y, width]) => ({ phase, x: Number(x), y: Number(y), width: Number(width) }))
}

describe('the picture of the key plan', () => {
  const picture = planPicture(LANES, NOW)

  it('is well-formed, also where a name is not', () => {
    expect(wellFormed(picture)).to.equal(undefined)
    expect(wellFormed(planPicture([lane('<&">', {})], NOW))).to.equal(undefined)
    // The control: what is not would be noticed.
    expect(wellFormed(picture.replace('</title>', ''))).to.be.a('string')
    expect(wellFormed(picture.replace('The life', 'The & life'))).to.be.a('string')
  })

  it('has a bar for each phase that a key goes through, one after the other', () => {
    const phases = (kid: string) => barsOf(picture, kid).map(({ phase }) => phase)
    expect(phases('retired-key')).to.deep.equal(['next', 'active', 'retired'])
    expect(phases('revoked-key')).to.deep.equal(['next', 'active', 'revoked'])
    expect(phases('active-key')).to.deep.equal(['next', 'active', 'retired'])
    expect(phases('next-key')).to.deep.equal(['next'])
    for (const { kid } of LANES) {
      const bars = barsOf(picture, kid)
      for (const [index, bar] of bars.slice(1).entries()) {
        const before = bars[index]
        expect(bar.x).to.be.closeTo((before?.x ?? 0) + (before?.width ?? 0), 2)
      }
      expect(new Set(bars.map(({ y }) => y)).size).to.equal(1)
    }
  })

  it('shows now between what was and what is to come', () => {
    const now = Number(/class="now" x1="([\d.]+)"/.exec(picture)?.[1])
    const [, , retired] = barsOf(picture, 'retired-key')
    expect(now).to.be.within(Number(retired?.x), Number(retired?.x) + Number(retired?.width))
  })

  it('is the same for the same keys, and has both a light and a dark ground', () => {
    expect(planPicture(LANES, NOW)).to.equal(picture)
    expect(picture).to.include('prefers-color-scheme:dark')
  })

  it('is a picture also where there are no keys', () => {
    expect(wellFormed(planPicture([], NOW))).to.equal(undefined)
  })
})
