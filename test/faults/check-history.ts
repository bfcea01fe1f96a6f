import { checkSuccessors } from './check-successors.ts'
import { type Operation, readToken, succeeded } from './history.ts'

/** What must never happen; each is a promise of docs/adr/0003-refresh-families.md, or of G6, that was broken. */
export type ViolationKind =
  /** One presented token gave two successors. */
  | 'fork'
  /** An honest client was told that its session is over, and nobody had ended it. */
  | 'lost'
  /** A spent token was accepted outside its window, or after its successor had been used. */
  | 'revived'
  /** A session that was acknowledged to be revoked, or had ended otherwise, gave a token or was called active. */
  | 'undone'
  /** A later answer had an earlier generation. */
  | 'backwards'
  /** A valid request was answered with something other than 200, 429 and 503, or told to come again but not when. */
  | 'wrong'

/** One broken promise, with the operation that shows it. */
export interface Violation {
  readonly kind: ViolationKind
  readonly operation: Operation
  readonly because: string
}

/** Writes a violation down. */
export type Report = (kind: ViolationKind, operation: Operation, because: string) => void

/** What was found. */
export interface Verdict {
  readonly violations: readonly Violation[]
  /**
   * Sessions that ended because for longer than the window (two of them, where the policy is `supersede`) no answer
   * to any attempt arrived. The policy says so: no violation.
   */
  readonly endedLate: number
  /** Spent tokens that were accepted once after their window, as the policy `supersede` grants. */
  readonly lateRetries: number
  /** Spent tokens that were answered once more because PostgreSQL was a moment behind when Redis failed. */
  readonly lagging: number
}

export interface CheckOptions {
  readonly retryWindowMs: number
  /** Families in which a known double fault was provoked: a spent token may be accepted, once. */
  readonly doubleFaults?: ReadonlySet<string>
  /** Whether a fault was on at a moment; without it, none ever was. */
  readonly isUnderFault?: (at: number) => boolean
}

/** So many operations of a session tell how it came to a broken promise. */
const LEADING = 12

/** Looks for broken promises in a history. Pure: the same history, the same verdict. */
export function checkHistory(operations: readonly Operation[], options: CheckOptions): Verdict {
  const { retryWindowMs, doubleFaults, isUnderFault = () => false } = options
  const violations: Violation[] = []
  const report: Report = (kind, operation, because) => void violations.push({ kind, operation, because })
  let endedLate = 0
  let lateRetries = 0
  let lagging = 0

  for (const operation of operations) {
    const because = wrongAnswer(operation)
    if (because) report('wrong', operation, because)
  }
  for (const [family, ofFamily] of byFamily(operations)) {
    const refreshes = ofFamily.filter(({ kind }) => kind === 'refresh')
    const isDoubleFault = doubleFaults?.has(family) ?? false
    const successors = checkSuccessors(refreshes, { retryWindowMs, isDoubleFault, isUnderFault }, report)
    lateRetries += successors.lateRetries
    lagging += successors.lagging
    endedLate += checkLost(refreshes, retryWindowMs, report)
    checkEnded(ofFamily, report)
  }
  return { violations, endedLate, lateRetries, lagging }
}

function byFamily(operations: readonly Operation[]): Map<string, Operation[]> {
  const families = new Map<string, Operation[]>()
  for (const operation of operations) {
    if (operation.token === undefined) continue
    const { family } = readToken(operation.token)
    const list = families.get(family)
    if (list) list.push(operation)
    else families.set(family, [operation])
  }
  return families
}

/** Whoever asks properly is served, or told when to come again. Whether a token may be refused is not looked at here. */
function wrongAnswer({ kind, answer }: Operation): string | undefined {
  if (!('status' in answer)) return undefined
  const { status, error, hasRetryAfter } = answer
  if (status === 200) return undefined
  if (kind === 'jwks') return `the key set was answered with ${status}`
  if (status === 503 || status === 429) return hasRetryAfter ? undefined : `${status} without Retry-After`
  if (kind === 'refresh' && status === 400 && error === 'invalid_grant') return undefined
  return `${kind} was answered with ${status} ${error ?? ''}`
}

/** @returns how many sessions ended late, by policy */
function checkLost(refreshes: readonly Operation[], retryWindowMs: number, report: Report): number {
  let endedLate = 0
  for (const one of refreshes) {
    if (one.actor !== 'client' || !('status' in one.answer) || one.answer.status !== 400) continue
    const attempts = refreshes.filter(({ token }) => token === one.token)
    const sinceMs = one.completedAt - Math.min(...attempts.map(({ invokedAt }) => invokedAt))
    // Whoever may come late once gets a second window: an answer that is lost once more is asked for again within it.
    const grantedMs = one.latePolicy === 'revoke' ? retryWindowMs : 2 * retryWindowMs
    if (sinceMs > grantedMs) endedLate++
    else
      report(
        'lost',
        one,
        `${Math.round(sinceMs)} ms after it was first presented; ${leadingTo(one, refreshes)}`,
      )
  }
  return endedLate
}

/** What was presented before that, for whoever looks for the reason: generation, when, and what was said. */
function leadingTo(one: Operation, refreshes: readonly Operation[]): string {
  const said = ({ token = '', invokedAt, completedAt, answer, node }: Operation) => {
    const [from, to] = [invokedAt, completedAt].map((at) => Math.round(at - one.completedAt))
    const end = 'status' in answer ? answer.status : answer.lost
    return `generation ${readToken(token).generation} at ${from}…${to} ms, ${node}: ${end}`
  }
  return refreshes.slice(-LEADING).map(said).join('; ')
}

/** Once a revocation is acknowledged, or a genuine token of the session has been refused, the session is over. */
function checkEnded(operations: readonly Operation[], report: Report): void {
  const completed = (ends: readonly Operation[]) => Math.min(...ends.map(({ completedAt }) => completedAt))
  const isRefusal = ({ kind, answer }: Operation) =>
    kind === 'refresh' && 'status' in answer && answer.status === 400 && answer.error === 'invalid_grant'
  const isRevocation = (one: Operation) => one.kind === 'revoke' && succeeded(one)
  const endedAt = completed(operations.filter((one) => isRevocation(one) || isRefusal(one)))
  for (const one of operations) {
    if (one.invokedAt <= endedAt || !('status' in one.answer)) continue
    const since = `${Math.round(one.invokedAt - endedAt)} ms after it had ended`
    if (one.kind === 'refresh' && succeeded(one)) report('undone', one, `a token ${since}`)
    if (one.kind === 'introspect' && one.answer.isActive) report('undone', one, `active ${since}`)
  }
}
