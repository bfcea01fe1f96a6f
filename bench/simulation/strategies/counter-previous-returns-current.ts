import { makeStrategy } from '../strategy.ts'

interface State {
  readonly counter: number
  readonly ended: boolean
}

/** Whoever is behind by this much has lost our answer, at whatever time he comes. */
const FORGIVEN = 1

/**
 * A token is a counter. The live one rotates; the one before it always gets the live one again, without a time limit;
 * an older one ends the session; one that the store does not know yet is an error. Supabase Auth (GoTrue) with refresh
 * token algorithm version 2 (migration 20251007, `internal/tokens/service.go`).
 */
export const counterPreviousReturnsCurrent = makeStrategy<State>(
  {
    id: 'counter-no-limit',
    title: 'counter, previous always gets the current',
    modelledOn: 'Supabase Auth, refresh token algorithm 2',
  },
  {
    begin: () => ({ state: { counter: 1, ended: false }, token: 1 }),
    refresh(state, presented) {
      const { counter, ended } = state
      if (ended || presented > counter) return { state, answer: { kind: 'refused' } }
      if (presented === counter) {
        const next = counter + 1
        return { state: { ...state, counter: next }, answer: { kind: 'granted', token: next } }
      }
      if (counter - presented <= FORGIVEN) return { state, answer: { kind: 'granted', token: counter } }
      return { state: { ...state, ended: true }, answer: { kind: 'theft' } }
    },
    liveChains: ({ ended }) => (ended ? 0 : 1),
  },
)
