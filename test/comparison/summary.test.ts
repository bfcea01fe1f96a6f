import { expect } from 'chai'
import type { Sample } from '../../bench/comparison/cost/measure.ts'
import { selfTimes } from '../../bench/comparison/profile/cpu-profile.ts'
import { spread, summarise } from '../../bench/comparison/report/summary.ts'

describe('the report of the benchmark', () => {
  it('gives the median and the extremes, and leaves out rounds without a figure', () => {
    expect(spread([5, 1, 3])).to.deep.equal({ median: 3, low: 1, high: 5 })
    expect(spread([4, Number.NaN, 1, 3, 2])).to.deep.equal({ median: 2.5, low: 1, high: 4 })
  })

  it('divides the CPU of server and stores by the answers, then by the signature of the same round', () => {
    const summary = summarise([sample({ cpu: 200, signatureMs: 1 }), sample({ cpu: 600, signatureMs: 2 })])
    expect(summary?.serverMs).to.equal(4)
    expect(summary?.serverRatio).to.deep.equal({ median: 2.5, low: 2, high: 3 })
    expect(summary?.ratio).to.deep.equal({ median: 3.125, low: 2.5, high: 3.75 })
    expect(summary).to.deep.include({ postgresMs: null, redisMs: 1, errors: { timeout: 2 } })
  })

  it('counts of a profile what a function did itself within the span, and no idling', () => {
    const frame = (functionName: string) => ({ functionName, url: '', lineNumber: 0 })
    const profile = {
      nodes: ['(idle)', 'sign', 'parse'].map((name, id) => ({ id, callFrame: frame(name) })),
      startTime: 1000,
      samples: [1, 1, 0, 2, 1],
      timeDeltas: [10, 10, 10, 10, 10],
    }
    const times = selfTimes(profile, { from: 1015, until: 1045 }, ({ functionName }) => functionName)
    expect(times).to.deep.equal([
      { name: 'sign', microseconds: 10 },
      { name: 'parse', microseconds: 10 },
    ])
  })
})

/** A hundred answers, and a quarter of the server's CPU in Redis. */
function sample({ cpu, signatureMs }: { cpu: number; signatureMs: number }): Sample {
  const stream = {
    name: 'refresh',
    answered: 100,
    errors: { timeout: 1 },
    seconds: 1,
    p50: 1,
    p99: 2,
    max: 3,
    kids: {},
  }
  return {
    ...{ round: 1, system: 'oidc-provider', scenario: 'refresh', mode: 'closed-64', signatureMs },
    ...{ streams: [stream], generatorLoad: 0.1 },
    cpuMs: { server: cpu, redis: cpu / 4, postgres: null },
    memoryMiB: { server: 1, redis: 1, postgres: null },
    unpublished: 0,
  }
}
