/** A request refused before it reaches any protocol: no such path, wrong method, body in the wrong form. */
export class HttpError extends Error {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** For the log. */
  readonly reason: string

  /** @param message public; goes on the wire as `error_description` */
  constructor(status: number, reason: string, message: string, headers: Record<string, string> = {}) {
    super(message)
    this.name = 'HttpError'
    this.status = status
    this.reason = reason
    this.headers = headers
  }
}
