const CODES = {
  invalid_request: { status: 400, spec: 'RFC 6749 §5.2' },
  invalid_client: { status: 401, spec: 'RFC 6749 §5.2' },
  invalid_grant: { status: 400, spec: 'RFC 6749 §5.2' },
  unauthorized_client: { status: 400, spec: 'RFC 6749 §5.2' },
  unsupported_grant_type: { status: 400, spec: 'RFC 6749 §5.2' },
  invalid_scope: { status: 400, spec: 'RFC 6749 §5.2' },
  invalid_target: { status: 400, spec: 'RFC 8707 §2' },
  invalid_token: { status: 401, spec: 'RFC 6750 §3.1' },
  insufficient_scope: { status: 403, spec: 'RFC 6750 §3.1' },
} as const satisfies Record<string, { status: number; spec: string }>

/** The error codes that may go on the wire. */
export type OAuthErrorCode = keyof typeof CODES

/**
 * A refusal the client is told about. `description` is public and goes on the wire as `error_description`;
 * `reason` is ours alone and goes to the log and the metric label, because an attacker who learns which check
 * failed learns where to push next. The status follows from the code and cannot be chosen where it is thrown.
 */
export class OAuthError extends Error {
  readonly code: OAuthErrorCode
  readonly description: string
  readonly reason: string
  /** What an access token would have to be allowed (RFC 6750 §3). */
  readonly scope: string | undefined

  /**
   * @param code from the table above
   * @param description public; only the characters RFC 6749 §5.2 allows, and never an echo of the input
   * @param options.reason private, a stable word with underscores; the code itself where there is no more to say
   * @param options.scope for `insufficient_scope`: which one is needed
   */
  constructor(
    code: OAuthErrorCode,
    description: string,
    options: { reason?: string; scope?: string; cause?: unknown } = {},
  ) {
    super(`${code}: ${description}`, { cause: options.cause })
    this.name = 'OAuthError'
    this.code = code
    this.description = description
    this.reason = options.reason ?? code
    this.scope = options.scope
  }

  /** The HTTP status that the specification gives this code. */
  get status(): number {
    return CODES[this.code].status
  }
}
