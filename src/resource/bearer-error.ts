/** Why a request is not let in. The first has no error code of RFC 6750: the client did not know that a token is needed. */
export type BearerErrorCode =
  | 'token_missing'
  | 'invalid_request'
  | 'invalid_token'
  | 'insufficient_scope'
  | 'unavailable'

/** RFC 6750 §3.1; whoever does not know answers 503, since a client that is told 401 throws its token away. */
const STATUS = {
  token_missing: 401,
  invalid_request: 400,
  invalid_token: 401,
  insufficient_scope: 403,
  unavailable: 503,
} as const satisfies Record<BearerErrorCode, number>

interface Details {
  /** For the log: which check failed. Not for the client. */
  readonly reason: string
  /** For the client's developer. ASCII without `"` and `\`. */
  readonly description: string
  /** What the token would have to be allowed. */
  readonly scope?: readonly string[]
  readonly retryAfterSeconds?: number
  readonly cause?: unknown
}

/** The only error that this library throws at a request: what to answer, and for the log, why. */
export class BearerError extends Error {
  override readonly name = 'BearerError'
  readonly code: BearerErrorCode
  readonly status: (typeof STATUS)[BearerErrorCode]
  readonly reason: string
  readonly description: string
  /** `WWW-Authenticate` (RFC 6750 §3) or `Retry-After`, and `Cache-Control`; names in lower case. */
  readonly headers: Readonly<Record<string, string>>

  constructor(code: BearerErrorCode, details: Details) {
    super(`${code}: ${details.reason}`, { cause: details.cause })
    this.code = code
    this.status = STATUS[code]
    this.reason = details.reason
    this.description = details.description
    this.headers = { 'cache-control': 'no-store', ...headersFor(code, details) }
  }

  /** A body that goes with it, as JSON. */
  toJSON(): { error?: string; error_description: string } {
    const isNamed = this.code !== 'token_missing'
    return { ...(isNamed && { error: this.code }), error_description: this.description }
  }
}

/** There is no token. */
export function tokenMissing(reason: string): BearerError {
  return new BearerError('token_missing', { reason, description: 'a bearer token is needed' })
}

/** The request does not carry a token in the one right way. */
export function requestMalformed(reason: string): BearerError {
  return new BearerError('invalid_request', { reason, description: 'the Authorization header is malformed' })
}

/** The token is known to be bad. */
export function tokenInvalid(reason: string, cause?: unknown): BearerError {
  const expired = reason === 'expired'
  const description = expired ? 'the access token has expired' : 'the access token is not valid here'
  return new BearerError('invalid_token', { reason, description, cause })
}

/** The token is good, and not for this. */
export function scopeInsufficient(scope: readonly string[]): BearerError {
  const description = 'the access token does not have the scope that this needs'
  return new BearerError('insufficient_scope', { reason: 'scope', description, scope })
}

/** Nobody can say now whether the token is good. */
export function unavailable(reason: string, retryAfterSeconds: number, cause?: unknown): BearerError {
  const description = 'the access token cannot be checked now'
  return new BearerError('unavailable', { reason, description, retryAfterSeconds, cause })
}

function headersFor(code: BearerErrorCode, details: Details): Record<string, string> {
  const { description, scope, retryAfterSeconds = 1 } = details
  if (code === 'unavailable') return { 'retry-after': String(Math.max(1, Math.ceil(retryAfterSeconds))) }
  if (code === 'token_missing') return { 'www-authenticate': 'Bearer' }
  const parameters = { error: code, error_description: description, ...(scope && { scope: scope.join(' ') }) }
  const printed = Object.entries(parameters).map(([name, value]) => `${name}="${value}"`)
  return { 'www-authenticate': `Bearer ${printed.join(', ')}` }
}
