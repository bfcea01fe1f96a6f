import { Refusal } from '../refusal.ts'
import type { LiveNode } from './nodes.ts'
import type { SealingUse } from './sealing-use.ts'

/** What resealing did. */
export interface ResealReport {
  readonly outcome: 'resealed' | 'already_sealed'
  /** The line that everything is sealed with now. */
  readonly fingerprint: string
  /** How many rows there are, and how many of them were sealed with another line. */
  readonly rows: number
  readonly resealed: number
  /** Lines of the sealing key that nothing is sealed with: they may be removed. */
  readonly idleLines: readonly string[]
  /** Nodes that serve and do not hold the line. */
  readonly nodesWithout: readonly string[]
}

/** Changes what everything that is stored is sealed with. */
export interface Resealing {
  /**
   * Seals every row with the first line of the sealing key, all or none; doing it again changes nothing. Audited. The
   * sealing key is read again before.
   * @param options.isInsisted go on although a node that serves does not hold the line
   * @throws Refusal `node_lacks_line`, `row_unopened`; SealingKeyProblem
   */
  reseal(options: { isInsisted: boolean }, actor: string): Promise<ResealReport>
}

/**
 * Refuses what would leave something behind that nobody opens.
 * @throws Refusal `row_unopened`
 */
export function requireAllOpen({ unopened }: SealingUse): void {
  if (unopened.length === 0) return
  throw new Refusal(
    'row_unopened',
    `no line of the sealing key opens ${unopened.join('; ')}: add the line that sealed it, or, where it is damaged, ` +
      'restore the row from a backup, or have the key replaced (keyturn keys revoke KID). Nothing was changed',
  )
}

/**
 * Refuses what a node that serves would not open at its next start.
 * @throws Refusal `node_lacks_line`
 */
export function requireAllHold(nodesWithout: readonly LiveNode[], fingerprint: string): void {
  if (nodesWithout.length === 0) return
  throw new Refusal(
    'node_lacks_line',
    `node ${nodesWithout.map(({ id }) => id).join(', node ')} does not hold ${fingerprint} (each logs its name at its ` +
      'start): bring the new sealing key to every node, which reads a file again within 15 seconds and a command ' +
      'within five minutes. Nothing was changed; --anyway insists',
  )
}
