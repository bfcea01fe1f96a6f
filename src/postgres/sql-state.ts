/** PostgreSQL's SQLSTATE codes that we handle (its manual, appendix A). */
const UNIQUE_VIOLATION = '23505'
const RETRYABLE = new Set(['40001', '40P01'])
/**
 * Classes that are a verdict on the statement itself, so that asking again would not help: 0A not supported,
 * 21 cardinality, 22 data, 23 constraint, 42 syntax and names.
 */
const VERDICT_CLASSES = new Set(['0A', '21', '22', '23', '42'])
/** Not migrated yet (42P01, 42703), or a role that lost its rights (42501): nothing to do with what was asked. */
const NOT_A_VERDICT = new Set(['42P01', '42703', '42501'])

/**
 * Whether an error of the driver leaves the outcome unknown: everything but a verdict of the server on the statement. A
 * network has too many ways to fail to list them, and a server (or a pooler before it) too many ways to say that it is
 * full, read-only, starting or stopping; each is logged with its cause.
 */
export function isOutage(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof TypeError || error instanceof RangeError) return false
  const { code, severity } = error as { code?: unknown; severity?: unknown }
  if (typeof code !== 'string' || !/^[0-9A-Z]{5}$/.test(code) || typeof severity !== 'string') return true
  if (severity === 'FATAL' || severity === 'PANIC') return true
  return !VERDICT_CLASSES.has(code.slice(0, 2)) || NOT_A_VERDICT.has(code)
}

/** Whether the same transaction may be run again: a deadlock or serialisation failure, or what was made of one. */
export function isRetryable(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  return RETRYABLE.has(codeOf(error) ?? '') || isRetryable(error.cause)
}

/** Whether a row with the same key exists already. */
export function isUniqueViolation(error: unknown): boolean {
  return codeOf(error) === UNIQUE_VIOLATION
}

/** The SQLSTATE of an error of the server, or the code of one of the network. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  const { code } = error as { code?: unknown }
  return typeof code === 'string' ? code : undefined
}
