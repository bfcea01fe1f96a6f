import { WINDOW_SECONDS } from '../assumptions.ts'
import { makeStrategy } from '../strategy.ts'
import { type Spent, spentAt } from './spent.ts'

interface State {
  readonly live: number
  readonly previous: number | undefined
  readonly rotatedAt: number
  /** Everything that was ever given out and is not live: spent, or displaced before it was used. */
  readonly known: Spent
  readonly ended: boolean
}

/**
 * The previous token gets a new child within the grace period, which is not moved by it; the child that it displaces
 * is dead at once, and presenting a dead or an older token ends the session. SuperTokens core from CDI 5.5 on
 * (supertokens-core #1301: RECENT_PREV, ORPHANED_BRANCH, STALE_LINEAGE, all taken for theft by default). The period is
 * ours, 60 s.
 */
export const graceDisplacedChild = makeStrategy<State>(
  {
    id: 'grace-displaced-child',
    title: 'grace, the displaced child dies',
    modelledOn: 'SuperTokens core, CDI 5.5 and later',
  },
  {
    begin(_kind, at, mint) {
      const live = mint()
      return {
        state: { live, previous: undefined, rotatedAt: at, known: undefined, ended: false },
        token: live,
      }
    },
    refresh(state, presented, at, mint) {
      if (state.ended) return { state, answer: { kind: 'refused' } }
      const isPrevious = presented === state.previous && at - state.rotatedAt <= WINDOW_SECONDS
      if (presented === state.live || isPrevious) {
        const live = mint()
        return {
          state: {
            ...state,
            live,
            previous: presented,
            rotatedAt: isPrevious ? state.rotatedAt : at,
            known: { token: state.live, at, earlier: state.known },
          },
          answer: { kind: 'granted', token: live },
        }
      }
      if (spentAt(state.known, presented) === undefined) return { state, answer: { kind: 'refused' } }
      return { state: { ...state, ended: true }, answer: { kind: 'theft' } }
    },
    liveChains: ({ ended }) => (ended ? 0 : 1),
  },
)
