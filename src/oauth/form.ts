import { OAuthError } from './errors.ts'

/** The parameters that may appear more than once: RFC 8707 §2 `resource`, RFC 8693 §2.1 `audience`. */
const REPEATABLE = new Set(['resource', 'audience'])
const MAX_PARAMETERS = 100

/**
 * Reads an `application/x-www-form-urlencoded` body, strictly: every malformed byte is refused instead of repaired,
 * because two parsers that repair differently are an attack. A parameter twice is refused (RFC 6749 §3.2), brackets
 * mean nothing, an empty value counts as left out, NUL is refused everywhere.
 * @param body the bytes of the body, already within the size limit
 * @throws OAuthError `invalid_request`
 */
export function parseForm(body: Uint8Array): Form {
  const values = new Map<string, string[]>()
  const text = decodeAscii(body)
  const pairs = text === '' ? [] : text.split('&')
  if (pairs.length > MAX_PARAMETERS) throw malformed('too many parameters', 'form_too_many')

  for (const pair of pairs) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    const name = decode(equals < 0 ? pair : pair.slice(0, equals))
    const value = decode(equals < 0 ? '' : pair.slice(equals + 1))
    const earlier = values.get(name)
    if (earlier === undefined) values.set(name, [value])
    else if (REPEATABLE.has(name)) earlier.push(value)
    else throw malformed('a parameter appears more than once', 'form_duplicate')
  }
  return new Form(values)
}

/** The parameters of one request. Unknown ones are ignored (RFC 6749 §3.2): nobody asks for them. */
export class Form {
  readonly #values: ReadonlyMap<string, readonly string[]>

  constructor(values: ReadonlyMap<string, readonly string[]>) {
    this.#values = values
  }

  /** The value, or undefined where it is missing or empty. */
  optional(name: string): string | undefined {
    return this.#values.get(name)?.[0] || undefined
  }

  /**
   * The value.
   * @throws OAuthError `invalid_request` where it is missing or empty. `name` is ours, so it may be named.
   */
  required(name: string): string {
    const value = this.optional(name)
    if (value === undefined) throw malformed(`${name} is missing`, 'form_missing')
    return value
  }

  /** The first value of each parameter, empty ones too: for a door where empty is not the same as left out. */
  entries(): Map<string, string> {
    return new Map([...this.#values].map(([name, values]) => [name, values[0] ?? '']))
  }

  /** All values of a parameter that may repeat; empty ones are left out. */
  many(name: string): string[] {
    return (this.#values.get(name) ?? []).filter((value) => value !== '')
  }
}

/** A form of our own making, for a door that translates what it was sent into a token request. */
export function makeForm(parameters: Readonly<Record<string, string>>): Form {
  return new Form(new Map(Object.entries(parameters).map(([name, value]) => [name, [value]])))
}

function decodeAscii(body: Uint8Array): string {
  for (const byte of body) {
    if (byte < 0x21 || byte > 0x7e) throw malformed('the body is not form-urlencoded', 'form_byte')
  }
  return Buffer.from(body).toString('latin1')
}

/** Percent-decodes one half of a pair as UTF-8 (`decodeURIComponent` refuses `%zz`, overlong forms and surrogates). */
function decode(encoded: string): string {
  let decoded: string
  try {
    decoded = decodeURIComponent(encoded.replaceAll('+', ' '))
  } catch {
    throw malformed('the body is not form-urlencoded', 'form_percent')
  }
  if (decoded.includes('\0')) throw malformed('the body contains NUL', 'form_nul')
  return decoded
}

function malformed(description: string, reason: string): OAuthError {
  return new OAuthError('invalid_request', description, { reason })
}
