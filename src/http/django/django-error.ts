/** What a field, or the request as a whole, is refused for: one or more sentences each. */
export type FieldErrors = Readonly<Record<string, readonly string[]>>

/** A refusal in the words of Django REST Framework: the body is what its own views send. */
export class DjangoError extends Error {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
  readonly headers: Readonly<Record<string, string>>
  /** For log and metric: a stable word with underscores. */
  readonly reason: string

  constructor(
    status: number,
    body: Readonly<Record<string, unknown>>,
    reason: string,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(`${status} ${reason}`)
    this.name = 'DjangoError'
    this.status = status
    this.body = body
    this.headers = headers
    this.reason = reason
  }
}

/** 400 with what is wrong with each field (DRF's `ValidationError`). */
export function invalidFields(errors: FieldErrors, reason = 'field_invalid'): DjangoError {
  return new DjangoError(400, errors, reason)
}

/** 400 that concerns no single field. */
export function invalidRequest(message: string, reason: string): DjangoError {
  return invalidFields({ non_field_errors: [message] }, reason)
}

/** 404, as for anything that is not there; a door that is closed is not there. */
export function notFound(reason: string): DjangoError {
  return new DjangoError(404, { detail: 'Not found.' }, reason)
}
