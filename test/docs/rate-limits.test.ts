import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { LIMITS } from '../../src/rate-limits/limits.ts'

const UNITS: Readonly<Record<string, number>> = { m: 60, h: 3600, d: 86_400 }

describe('docs/rate-limits.md', () => {
  it('has each limit, with the tiers that it has', () => {
    const page = readFileSync(new URL('../../docs/rate-limits.md', import.meta.url), 'utf8')
    const rows = [...page.matchAll(/^\| `(\w+)` \| [^|]+ \| ([\d, ]+) \| ([\w, ]+) \|$/gm)]
    const documented = rows.map(([, name = '', counts = '', times = '']) => {
      const seconds = times
        .split(', ')
        .map((time) => Number(time.slice(0, -1)) * (UNITS[time.slice(-1)] ?? Number.NaN))
      return [
        name,
        counts.split(', ').map((count, tier) => ({ count: Number(count), perSeconds: seconds[tier] })),
      ]
    })
    expect(Object.fromEntries(documented)).to.deep.equal(LIMITS)
  })
})
