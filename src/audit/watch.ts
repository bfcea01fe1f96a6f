import type { Logger } from '../telemetry/logger.ts'
import type { ChainClaims } from './audit-log.ts'
import { type ChainPoint, writePoint } from './chain.ts'
import { trueFloor } from './floor.ts'
import type { KeyOf } from './verification.ts'

/** What the record shows of the chain at one moment. */
export interface ChainSight extends ChainClaims {
  /** Whether the place that was seen last has the row that was seen there, and no other. */
  readonly holdsSeen: boolean
}

/**
 * What a running node remembers of the chain. The chain only grows: where the end that was seen is no longer in it, it was
 * cut, rewritten behind a head that was set back, or restored from a copy. `keyturn audit verify` cannot see this, as
 * nodes chain whatever waits, also what somebody has unchained and changed.
 */
export function makeWatch({ keyOf, logger }: { keyOf: KeyOf; logger: Logger }) {
  let seen: ChainPoint | undefined
  let told: ChainPoint | undefined

  /** Whether what was seen is still there, or was removed because it was old: the head and the table alone do not say so. */
  function goesOn(from: ChainPoint, sight: ChainSight): boolean {
    const { head, holdsSeen } = sight
    if (head.position < from.position || (head.position === from.position && !isSame(head, from)))
      return false
    if (holdsSeen || from.position === 0) return true
    const floor = trueFloor(sight, keyOf)
    return floor.position > from.position || isSame(floor, from)
  }

  return {
    seen: () => seen,
    /** Compares with what was seen before. An error in the log, once, when it is not the same chain. */
    see(sight: ChainSight): void {
      const { head } = sight
      if (seen && !goesOn(seen, sight) && !(told && isSame(told, head))) {
        logger.error({ was: writePoint(seen), is: writePoint(head) }, 'the audit log was cut or replaced')
        told = head
      }
      seen = head
    },
    /** Goes on to an end that this node has made itself. */
    moveTo(head: ChainPoint): void {
      seen = head
    },
  }
}

function isSame(left: ChainPoint, right: ChainPoint): boolean {
  return left.position === right.position && left.mac.equals(right.mac)
}
