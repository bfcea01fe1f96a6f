import { durationOf, liveThrough } from './device.ts'
import { SCENARIOS, type Scenario } from './scenarios.ts'
import { STRATEGIES } from './strategies/all.ts'
import type { Strategy } from './strategy.ts'
import { emptyTally, type Shares, sharesOf, type Tally } from './tally.ts'

/** How one strategy fared in one scenario. */
export interface Result {
  readonly scenario: string
  readonly strategy: string
  readonly tally: Tally
  readonly shares: Shares
}

export interface RunOptions {
  readonly seed: string
  /** Sessions of each strategy in each scenario; of the year's, a share of it. */
  readonly sessions: number
  readonly scenarios?: readonly Scenario[]
  readonly strategies?: readonly Strategy[]
  /** Is told each time a scenario is done. */
  readonly progress?: (text: string) => void
}

const YEAR_SECONDS = 365 * 86_400

/** Runs all strategies through all scenarios. The same seed and size give the same result. */
export function simulate(options: RunOptions): Result[] {
  const { seed, sessions, scenarios = SCENARIOS, strategies = STRATEGIES, progress } = options
  const results: Result[] = []
  for (const scenario of scenarios) {
    const devices = Math.max(1, Math.round(sessions * scenario.devicesShare))
    for (const strategy of strategies) {
      const tally = emptyTally()
      for (let device = 0; device < devices; device++) {
        liveThrough(scenario, strategy, `${seed}/${scenario.id}/${device}`, tally)
      }
      const deviceYears = scenario.span === 'year' ? (devices * durationOf(scenario)) / YEAR_SECONDS : null
      results.push({
        scenario: scenario.id,
        strategy: strategy.id,
        tally,
        shares: sharesOf(tally, deviceYears),
      })
    }
    progress?.(`${scenario.id}: ${scenario.title}: ${devices} devices`)
  }
  return results
}
