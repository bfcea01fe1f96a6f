import { WINDOW_SECONDS } from '../assumptions.ts'
import { makeStrategy } from '../strategy.ts'
import { type Spent, spentAt } from './spent.ts'

interface State {
  /** Unspent tokens: more than one after a retry. */
  readonly live: readonly number[]
  readonly spent: Spent
  readonly ended: boolean
}

/**
 * Within a grace period a spent token gets another child each time; after it, it ends the session. Ory Hydra with
 * `oauth2.grant.refresh_token.rotation_grace_period` (guide "graceful token refresh", 2025: at most 5 minutes unless
 * the number of reuses is limited too), and near to it Okta's grace period (0 to 60 s) and Auth0's rotation overlap
 * (which spares only the token spent last; here every token has its grace, as with Hydra). The period is ours, 60 s, so
 * that designs are compared and not settings.
 */
export const graceNewChild = makeStrategy<State>(
  {
    id: 'grace-new-child',
    title: 'grace, a new child each time',
    modelledOn: 'Ory Hydra with a rotation grace period; Okta, Auth0 alike',
  },
  {
    begin(_kind, _at, mint) {
      const token = mint()
      return { state: { live: [token], spent: undefined, ended: false }, token }
    },
    refresh(state, presented, at, mint) {
      if (state.ended) return { state, answer: { kind: 'refused' } }
      if (state.live.includes(presented)) {
        const token = mint()
        const live = [...state.live.filter((other) => other !== presented), token]
        const spent = { token: presented, at, earlier: state.spent }
        return { state: { ...state, live, spent }, answer: { kind: 'granted', token } }
      }
      const since = spentAt(state.spent, presented)
      if (since === undefined) return { state, answer: { kind: 'refused' } }
      if (at - since <= WINDOW_SECONDS) {
        const token = mint()
        return { state: { ...state, live: [...state.live, token] }, answer: { kind: 'granted', token } }
      }
      return { state: { ...state, ended: true }, answer: { kind: 'theft' } }
    },
    liveChains: ({ live, ended }) => (ended ? 0 : live.length),
  },
)
