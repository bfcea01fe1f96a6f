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
 * Looks at the refreshes of one family: each presented token has one successor (and one more, once, where the late
 * policy grants it), none is accepted after its window or after its successor has been used, none goes back.
 * @param refreshes all of them; those that succeeded are looked at in the order in which they were sent
 * @param options.isDoubleFault whether one spent token may be accepted
 * @returns how many late retries there were
 */
export function checkSuccessors(
  refreshes: readonly Operation[],
  { retryWindowMs, isDoubleFault }: { retryWindowMs: number; isDoubleFault: boolean },
  report: Report,
): number {
  const successes = refreshes.filter(succeeded).sort((a, b) => a.invokedAt - b.invokedAt)
  const given = new Map<string, Given>()
  let lateRetries = 0
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
    const isUsed = before.some(({ token = '' }) => readToken(token).generation > generation)
    if (isUsed) revived(one, `generation ${generation}, whose successor had been used`)
    if (before.some((other) => readToken(successorOf(other) ?? '').generation > reached)) {
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
  return lateRetries
}

function successorOf({ answer }: Operation): string | undefined {
  return 'status' in answer ? answer.successor : undefined
}
