/**
 * "We do not know": a store did not answer, a queue is full, a key set is too old. It is never a verdict on what
 * was presented, so it must never become `invalid_grant`; the door turns it into 503 with `Retry-After`.
 */
export class Unavailable extends Error {
  /** Which part could not answer, for log and metric: `postgres`, `redis`, `hasher`, `signing-keys` … */
  readonly part: string
  /** How long the caller should wait, in seconds. */
  readonly retryAfterSeconds: number

  constructor(part: string, reason: string, options: { cause?: unknown; retryAfterSeconds?: number } = {}) {
    super(`${part}: ${reason}`, { cause: options.cause })
    this.name = 'Unavailable'
    this.part = part
    this.retryAfterSeconds = options.retryAfterSeconds ?? 1
  }
}
