/** PostgreSQL's SQLSTATE codes that we handle (its manual, appendix A). */
const UNIQUE_VIOLATION = '23505'
const RETRYABLE = new Set(['40001', '40P01'])
/** Classes: 08 connection, 53 resources, 57 operator intervention (shutdown, cancel), 58 system error. */
const OUTAGE_CLASSES = new Set(['08', '53', '57', '58'])
/**
 * Read-only, as a demoted primary answers (25006); paused inside a transaction (25P03); password or role changed (28000,
 * 28P01); no such database (3D000); not migrated yet (42P01, 42703); lock not available in time (55P03). None of it says
 * anything about what was asked; each is logged with its cause.
 */
const OUTAGE_STATES = new Set(['25006', '25P03', '28000', '28P01', '3D000', '42P01', '42703', '55P03'])
const OUTAGE_ERRNO = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENOENT',
])
/** `pg` reports these by text alone. */
const OUTAGE_TEXT =
  /connection terminated|timeout exceeded|query read timeout|connection ended|not queryable|connection error/i

/** Whether the server could not be asked, or went away before it answered: the outcome is unknown. */
export function isOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = codeOf(error)
  if (code !== undefined && /^[0-9A-Z]{5}$/.test(code) && !OUTAGE_ERRNO.has(code)) {
    return OUTAGE_CLASSES.has(code.slice(0, 2)) || OUTAGE_STATES.has(code)
  }
  return (code !== undefined && OUTAGE_ERRNO.has(code)) || OUTAGE_TEXT.test(error.message)
}

/** Whether the same transaction may be run again: a deadlock or serialisation failure. */
export function isRetryable(error: unknown): boolean {
  return error instanceof Error && RETRYABLE.has(codeOf(error) ?? '')
}

/** Whether a row with the same key exists already. */
export function isUniqueViolation(error: unknown): boolean {
  return error instanceof Error && codeOf(error) === UNIQUE_VIOLATION
}

function codeOf(error: Error): string | undefined {
  const { code } = error as { code?: unknown }
  return typeof code === 'string' ? code : undefined
}
