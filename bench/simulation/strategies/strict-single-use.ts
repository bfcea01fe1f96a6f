import { makeStrategy } from '../strategy.ts'
import { type Spent, spentAt } from './spent.ts'

interface State {
  readonly live: number
  readonly spent: Spent
  readonly ended: boolean
}

/**
 * Each token works once; a spent one ends the session. RFC 9700 §4.14.2 read to the letter, and what these do when
 * nothing else is configured: Keycloak with "revoke refresh token" and `refreshTokenMaxReuse` 0, Ory Hydra without a
 * grace period, Auth0 with a rotation overlap of 0, node-oidc-provider 8 and 9 with `rotateRefreshToken`.
 */
export const strictSingleUse = makeStrategy<State>(
  {
    id: 'strict',
    title: 'strict single use',
    modelledOn: 'Keycloak (max reuse 0), Ory Hydra without grace, oidc-provider',
  },
  {
    begin(_kind, _at, mint) {
      const live = mint()
      return { state: { live, spent: undefined, ended: false }, token: live }
    },
    refresh(state, presented, at, mint) {
      if (state.ended) return { state, answer: { kind: 'refused' } }
      if (presented === state.live) {
        const live = mint()
        const spent = { token: presented, at, earlier: state.spent }
        return { state: { ...state, live, spent }, answer: { kind: 'granted', token: live } }
      }
      if (spentAt(state.spent, presented) === undefined) return { state, answer: { kind: 'refused' } }
      return { state: { ...state, ended: true }, answer: { kind: 'theft' } }
    },
    liveChains: ({ ended }) => (ended ? 0 : 1),
  },
)
