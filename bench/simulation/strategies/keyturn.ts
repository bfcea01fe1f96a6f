import type { LatePolicy } from '../../../src/clients/client.ts'
import { FIRST_GENERATION, type Position, rotate } from '../../../src/tokens/rotation.ts'
import { ANCHOR_SECONDS, WINDOW_SECONDS } from '../assumptions.ts'
import { type DeviceKind, makeStrategy, type Strategy } from '../strategy.ts'

interface State {
  readonly latePolicy: LatePolicy
  /** What the fast store knows; undefined: nothing. */
  readonly fast: Position | undefined
  /** What the record knows; undefined where there is none. */
  readonly record: Position | undefined
  /** The position that the node is about to anchor, and when it will have done so. */
  readonly anchoring: { readonly position: Position; readonly at: number } | undefined
  readonly ended: boolean
}

export interface KeyturnOptions {
  readonly id: string
  readonly title: string
  readonly latePolicy: LatePolicy | 'by client class'
  /** Without it the fast store is believed alone. */
  readonly anchored: boolean
  /** The rule under test; ours unless a test breaks it. */
  readonly rotate?: typeof rotate
}

/**
 * Keyturn: the rule itself is `rotate` of src/tokens/rotation.ts. Around it stands what refresh-families-redis.ts and
 * its script do with two stores: whichever of fast store and record is further along counts, and a new position is
 * anchored within 100 ms. The end of a family is in the record before anything is answered, so no fault undoes it.
 */
export function keyturn(options: KeyturnOptions): Strategy {
  const rule = options.rotate ?? rotate
  const policyOf = (kind: DeviceKind): LatePolicy => {
    if (options.latePolicy !== 'by client class') return options.latePolicy
    return kind === 'native' ? 'supersede' : 'revoke'
  }
  return makeStrategy<State>(
    { id: options.id, title: options.title, modelledOn: 'src/tokens/rotation.ts itself', ours: true },
    {
      begin(kind, at) {
        const first: Position = {
          generation: FIRST_GENERATION,
          predecessor: 0,
          rotatedAt: new Date(at * 1000),
          keyVersion: 1,
          lateUsed: false,
        }
        const record = options.anchored ? first : undefined
        const state = { latePolicy: policyOf(kind), fast: first, record, anchoring: undefined, ended: false }
        return { state, token: FIRST_GENERATION }
      },

      refresh(before, presented, at) {
        const state = settled(before, at)
        const position = further(state.fast, state.record)
        if (state.ended || position === undefined) return { state, answer: { kind: 'refused' } }
        const rules = { retryWindowSeconds: WINDOW_SECONDS, latePolicy: state.latePolicy }
        const step = rule(position, presented, new Date(at * 1000), 1, rules)
        if (step.outcome === 'reuse' || step.outcome === 'future') {
          return { state: { ...state, ended: true }, answer: { kind: 'theft' } }
        }
        const answer = { kind: 'granted', token: step.position.generation } as const
        if (step.position === position) return { state, answer }
        const anchoring = options.anchored ? { position: step.position, at: at + ANCHOR_SECONDS } : undefined
        return { state: { ...state, fast: step.position, anchoring }, answer }
      },

      afterFault(before, earlier, { at, nodeDies }) {
        const state = settled(before, at)
        return { ...state, fast: earlier?.fast, anchoring: nodeDies ? undefined : state.anchoring }
      },

      liveChains: ({ ended }) => (ended ? 0 : 1),
    },
  )
}

/** The state at a time: what was to be anchored by then is. */
function settled(state: State, at: number): State {
  if (state.anchoring === undefined || state.anchoring.at > at) return state
  return { ...state, record: state.anchoring.position, anchoring: undefined }
}

/** As the script has it: the fast store counts unless the record is ahead of it. */
function further(fast: Position | undefined, record: Position | undefined): Position | undefined {
  if (fast === undefined || record === undefined) return fast ?? record
  return fast.generation >= record.generation ? fast : record
}
