import type { Topology, World } from './world.ts'

/** How much of everything there is. The code is the same. */
export type Size = 'ci' | 'nightly'

/** What is done to a deployment, and what ends it. */
export interface Fault {
  /** Of the reliability catalogue (docs/faults.md). */
  readonly id: string
  /** What is done, in a few words. */
  readonly title: string
  readonly topologies: readonly Topology[]
  /** Begins it; resolves when it holds. May also be all there is of it. */
  inject(world: World): Promise<void> | void
  /** Ends it; resolves when what was taken away is there again. */
  heal?(world: World): Promise<void> | void
  /** How long it holds; otherwise the size's own time. */
  readonly holdMs?: { readonly ci: number; readonly nightly: number }
  /** Promised: all is well again this long after it has ended. */
  readonly recoveryMs: number
  /** Also with a node that is started while the fault holds, also again and again. */
  readonly also?: readonly ('boot' | 'flapping')[]
  /** Too slow, or too much alike, for the small size. */
  readonly nightlyOnly?: boolean
}

/** A fault and the way it comes. */
export interface Scenario {
  readonly fault: Fault
  readonly manner: 'at run' | 'at boot' | 'flapping'
}

/** After it is back, Redis is used again this soon … */
export const REDIS_RECOVERY_MS = 2000
/** … and PostgreSQL this soon; a node that was killed has to start as well. */
export const POSTGRES_RECOVERY_MS = 5000
export const NODE_RECOVERY_MS = 5000

/** Of what the other topologies show as well, `small` has these in the small size; of what recurs, these. */
const SMALL_IN_CI = ['R-01', 'F-101', 'F-210', 'F-211']
const AGAIN_IN_CI = ['F-110']

/** Every way in which these faults come in a run of this size and topology. */
export function scenariosOf(faults: readonly Fault[], topology: Topology, size: Size): Scenario[] {
  const isIn = ({ id, topologies, nightlyOnly }: Fault) => {
    if (size === 'nightly') return topologies.includes(topology)
    return topologies.includes(topology) && !nightlyOnly && (topology !== 'small' || SMALL_IN_CI.includes(id))
  }
  return faults.filter(isIn).flatMap((fault) => {
    const isAgain = size === 'nightly' || (topology !== 'small' && AGAIN_IN_CI.includes(fault.id))
    const also = isAgain ? (fault.also ?? []) : []
    return [
      { fault, manner: 'at run' as const },
      ...(also.includes('boot') ? [{ fault, manner: 'at boot' as const }] : []),
      ...(also.includes('flapping') ? [{ fault, manner: 'flapping' as const }] : []),
    ]
  })
}

/** For tables and messages: `F-112 at boot: Redis is stopped`. */
export function nameOf({ fault, manner }: Scenario): string {
  return `${fault.id}${manner === 'at run' ? '' : ` ${manner}`}: ${fault.title}`
}
