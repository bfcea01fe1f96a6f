import type { LimitName } from './limits.ts'

/** A limit is reached; the door turns it into 429 with `Retry-After`. It says nothing of what was presented. */
export class TooManyRequests extends Error {
  readonly limit: LimitName
  /** Whole seconds, at least 1. */
  readonly retryAfterSeconds: number

  constructor(limit: LimitName, waitMs: number) {
    super(`too many requests: ${limit}`)
    this.name = 'TooManyRequests'
    this.limit = limit
    this.retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1000))
  }
}
