import { assumed } from './assumptions.ts'
import type { Draw } from './random.ts'
import type { DeviceKind } from './strategy.ts'

/**
 * What a thief takes: the live token; the same, and he keeps in step with the client; the last spent one; or a spent one
 * that the store forgets to have seen.
 */
export type Theft = 'current' | 'in step' | 'spent' | 'forgotten'

/** What happens to one device, as drawn for it. */
export interface Circumstances {
  readonly kind: DeviceKind
  readonly tabs: 1 | 2
  /** Probability that an answer does not arrive. */
  readonly lostResponse: number
  /** Share of those after which the device is away for long. */
  readonly lateShare: number
  /** Probability that the store forgets a rotation it has acknowledged. */
  readonly lostWrite: number
  readonly theft: Theft | undefined
}

/** A set of assumptions under which all strategies run. */
export interface Scenario {
  readonly id: string
  readonly title: string
  /** `session`: 40 refreshes in a row. `year`: a year of use, with logins when a session has ended. */
  readonly span: 'session' | 'year'
  /** Failovers of the whole fleet's store, spread evenly over the time. */
  readonly failovers: number
  /** A year has a hundred times the refreshes of a session, so fewer devices live through it. */
  readonly devicesShare: number
  circumstances(draw: Draw): Circumstances
}

const QUIET = { tabs: 1, lostResponse: 0, lateShare: 0, lostWrite: 0, theft: undefined } as const

function session(id: string, title: string, trouble: Partial<Circumstances>): Scenario {
  return {
    id,
    title,
    span: 'session',
    failovers: 0,
    devicesShare: 1,
    circumstances: (draw) => ({ ...QUIET, kind: kindOf(draw), ...trouble }),
  }
}

const lostResponse = assumed('lostResponse')

/** Letters as in the research behind them; H asks what the record is for. */
export const SCENARIOS: readonly Scenario[] = [
  session('A', 'lost responses, quick retry', { lostResponse }),
  session('B', 'lost responses, some retries late', { lostResponse, lateShare: assumed('lateShare') }),
  session('C', 'a second tab', { kind: 'browser', tabs: 2 }),
  session('D', 'the store loses acknowledged rotations', { lostWrite: assumed('lostWrite') }),
  session('E', 'a thief copies the current token', { theft: 'current' }),
  session('F', 'a thief keeps in step with the client', { theft: 'in step' }),
  session('G', 'a thief has the last spent token', { theft: 'spent' }),
  session('H', 'a thief has a spent token that the store forgot', { theft: 'forgotten' }),
  {
    id: 'year',
    title: 'a year of a fleet: all of it, seldom',
    span: 'year',
    failovers: assumed('yearFailovers'),
    devicesShare: 0.04,
    circumstances(draw) {
      const kind = kindOf(draw)
      const isNative = kind === 'native'
      const secondTab = draw.chance(assumed('yearSecondTab'))
      const theft = draw.chance(0.5) ? 'current' : 'spent'
      return {
        kind,
        tabs: !isNative && secondTab ? 2 : 1,
        lostResponse: assumed(isNative ? 'yearLostResponseNative' : 'yearLostResponseBrowser'),
        lateShare: assumed(isNative ? 'lateShare' : 'yearLateShareBrowser'),
        lostWrite: 0,
        theft: draw.chance(assumed('yearThief')) ? theft : undefined,
      }
    },
  },
]

function kindOf(draw: Draw): DeviceKind {
  return draw.chance(assumed('browsers')) ? 'browser' : 'native'
}
