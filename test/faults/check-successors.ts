import type { Report } from './check-history.ts'
import { type Operation, readToken, succeeded } from './history.ts'

/** What one presented token has given so far. */
interface Given {
  readonly successors: Set<string>
  /** When its present successor was known to be made, at the latest. */
  readonly since: number
  /** Whether it has had its late retry. */
  readonly isLate: boolean
}

/**
 * So long may PostgreSQL be behind Redis (src/tokens/anchors.ts), and some for a busy machine. Where Redis fails just
 * then, a token whose successor has been used since is answered once more, with the same successor. It is well within
 * its window, the family's next use sets both stores right, and the checker counts how often it happens.
 */
const ANCHOR_LAG_MS = 300

export interface SuccessorOptions {
  readonly retryWindowMs: number
  /** One spent token may be accepted. */
  readonly isDoubleFault: boolean
  /** Whether a store was failing then. */
  readonly isUnderFault: (at: number) => boolean
}

/**
 * Looks at the refreshes of one family: each presented token has one successor (and one more, once, where the late
 * policy grants it), none is accepted after its window or after its successor has been used, none goes back.
 * @param refreshes all of them; those that succeeded are looked at in the order in which they were sent
 * @returns how many late retries there were, and how many answers out of the anchor's lag
 */
export function checkSuccessors(
  refreshes: readonly Operation[],
  { retryWindowMs, isDoubleFault, isUnderFault }: SuccessorOptions,
  report: Report,
): { lateRetries: number; lagging: number } {
  const successes = refreshes.filter(succeeded).sort((a, b) => a.invokedAt - b.invokedAt)
  const given = new Map<string, Given>()
  let lateRetries = 0
  let lagging = 0
  let forgiven = isDoubleFault ? 1 : 0
  const revived = (one: Operation, because: string) => {
    if (forgiven-- <= 0) report('revived', one, because)
  }

  for (const one of successes) {
    const successor = successorOf(one)
    if (one.token === undefined || successor === undefined) {
      report('wrong', one, 'a refresh that gave no refresh token')
      continue
    }
    const { generation } = readToken(one.token)
    const reached = readToken(successor).generation
    const before = successes.filter((other) => other.completedAt < one.invokedAt)
    const uses = before.filter(({ token = '' }) => readToken(token).generation > generation)
    const isUsed = uses.length > 0
    const usedMs = one.invokedAt - Math.min(...uses.map(({ completedAt }) => completedAt))
    const isLagging = isUsed && usedMs <= ANCHOR_LAG_MS && isUnderFault(one.invokedAt)
    if (isLagging) lagging++
    else if (isUsed)
      revived(one, `generation ${generation}, ${Math.round(usedMs)} ms after its successor had been used`)
    if (!isLagging && before.some((other) => readToken(successorOf(other) ?? '').generation > reached)) {
      report('backwards', one, `generation ${reached} after a later one`)
    }

    const known = given.get(one.token)
    if (known?.successors.has(successor)) {
      const lateMs = one.invokedAt - known.since
      if (lateMs > retryWindowMs && !isUsed) revived(one, `${Math.round(lateMs)} ms after it was spent`)
      continue
    }
    // Another attempt may have spent it, whose answer nobody saw.
    const attempts = refreshes.filter(({ token }) => token === one.token)
    const firstAt = Math.min(...attempts.map(({ invokedAt }) => invokedAt))
    const mayBeLate = one.latePolicy === 'supersede' && one.completedAt - firstAt > retryWindowMs
    const isLate = reached === generation + 2 && mayBeLate && !known?.isLate
    if (isLate) lateRetries++
    else if (known) report('fork', one, `${known.successors.size + 1} successors of one token`)
    else if (reached !== generation + 1) report('fork', one, `generation ${generation} led to ${reached}`)
    const successors = known?.successors ?? new Set()
    given.set(one.token, { successors: successors.add(successor), since: one.completedAt, isLate })
  }
  return { lateRetries, lagging }
}

function successorOf({ answer }: Operation): string | undefined {
  return 'status' in answer ? answer.successor : undefined
}
