import { makeStrategy } from '../strategy.ts'

interface State {
  readonly live: number
  readonly previous: number | undefined
}

/**
 * The previous token works until its successor has been used, for as long as that takes; each use of it makes a new
 * successor, and the one before dies without a word. A token that is neither is refused, and that is all: nothing is
 * ever detected. Cloudflare's workers-oauth-provider (README, "single-use refresh tokens", 2025).
 */
export const previousUntilUsed = makeStrategy<State>(
  {
    id: 'previous-until-used',
    title: 'previous valid until the new one is used',
    modelledOn: 'Cloudflare workers-oauth-provider',
  },
  {
    begin(_kind, _at, mint) {
      const live = mint()
      return { state: { live, previous: undefined }, token: live }
    },
    refresh(state, presented, _at, mint) {
      if (presented !== state.live && presented !== state.previous) {
        return { state, answer: { kind: 'refused' } }
      }
      const live = mint()
      return { state: { live, previous: presented }, answer: { kind: 'granted', token: live } }
    },
    liveChains: () => 1,
  },
)
