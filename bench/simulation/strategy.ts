/** What a device is decides the late policy that Keyturn gives its client. */
export type DeviceKind = 'browser' | 'native'

/**
 * What presenting a refresh token brings. `granted`: an access token, and this refresh token. `refused`: nothing, and
 * nothing follows from it. `theft`: nothing, and the session has been ended because of it.
 */
export type Answer = { kind: 'granted'; token: number } | { kind: 'refused' } | { kind: 'theft' }

/** Gives a number that no token of this device has had: a random token. A counter may name its tokens itself. */
export type Mint = () => number

/** What a store fault leaves behind. */
export interface Fault {
  /** When it strikes, virtual seconds. */
  readonly at: number
  /** The node that served the last refresh dies with the store: what it has not written elsewhere is gone too. */
  readonly nodeDies: boolean
}

/**
 * The rules of a strategy, pure: a state goes in, a state comes out.
 * @template State what the service keeps of one session
 */
export interface Rules<State> {
  begin(kind: DeviceKind, at: number, mint: Mint): { state: State; token: number }
  refresh(state: State, presented: number, at: number, mint: Mint): { state: State; answer: Answer }
  /** How many chains of tokens the state would let go on independently of one another. */
  liveChains(state: State): number
  /**
   * What is left when the store is back where it was at `earlier`, or empty. Without this function: just that.
   * Undefined: the session is unknown from now on.
   */
  afterFault?(state: State, earlier: State | undefined, fault: Fault): State | undefined
}

/** A way of handling refresh tokens. */
export interface Strategy {
  /** For tables and `--json`. */
  readonly id: string
  readonly title: string
  /** The product whose behaviour it is. */
  readonly modelledOn: string
  /** Whether it is one of ours: pictures set these apart. */
  readonly ours: boolean
  begin(kind: DeviceKind, at: number, mint: Mint): Family
}

/** One session under a strategy. */
export interface Family {
  /** The first refresh token. */
  readonly token: number
  refresh(presented: number, at: number): Answer
  liveChains(): number
  /** The store is set back to what it was just before `since`, however well that was acknowledged. */
  loseWritesSince(since: number, fault: Fault): void
  /** The store comes back empty. */
  loseEverything(fault: Fault): void
}

/** So many changes back a store can be set: a lag of seconds covers one or two. */
const REMEMBERED_CHANGES = 8

/** Joins rules and a store that can forget. */
export function makeStrategy<State>(
  description: Pick<Strategy, 'id' | 'title' | 'modelledOn'> & { ours?: boolean },
  rules: Rules<State>,
): Strategy {
  return {
    ours: false,
    ...description,
    begin(kind, at, mint) {
      const first = rules.begin(kind, at, mint)
      let state: State | undefined = first.state
      let changes: { at: number; before: State }[] = []

      const setBack = (earlier: State | undefined, fault: Fault) => {
        if (state === undefined) return
        state = rules.afterFault ? rules.afterFault(state, earlier, fault) : earlier
        changes = []
      }
      return {
        token: first.token,
        refresh(presented, at) {
          if (state === undefined) return { kind: 'refused' }
          const step = rules.refresh(state, presented, at, mint)
          if (step.state !== state) {
            changes.push({ at, before: state })
            if (changes.length > REMEMBERED_CHANGES) changes.shift()
          }
          state = step.state
          return step.answer
        },
        liveChains: () => (state === undefined ? 0 : rules.liveChains(state)),
        loseWritesSince(since, fault) {
          const undone = changes.find((change) => change.at >= since)
          if (undone) setBack(undone.before, fault)
        },
        loseEverything: (fault) => setBack(undefined, fault),
      }
    },
  }
}
