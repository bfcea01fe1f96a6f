import { pino } from 'pino'
import { type LogDestination, stderrDestination } from './log-destination.ts'
import { currentRequest } from './request-context.ts'

/** What a part of the program may log with: an object of fields, then a sentence. */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** The levels of `KEYTURN_LOG_LEVEL`, from chatty to none. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** Field names whose value is never written, at the top or one level down. */
const SECRET_FIELDS = new Set([
  'password',
  'secret',
  'client_secret',
  'token',
  'access_token',
  'refresh_token',
  'authorization',
  'cookie',
  'assertion',
  'digest',
])
const CENSORED = '[secret]'
/** What is written of an error. Drivers add more: PostgreSQL's `detail` is a whole row, password hash included. */
const ERROR_FIELDS = ['type', 'message', 'stack', 'code', 'constraint', 'table', 'syscall', 'address', 'port']
/** JSON leaves these as they are, and a terminal may obey them: C1 controls, line separators, changes of direction. */
const UNSAFE = /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g

/**
 * The structured log: one JSON document a line, on stderr (stdout belongs to what a command prints). Each line written
 * while a request is served carries its id. Values of fields that are named like secrets are replaced, and no character
 * of what a stranger sent can end a line or move the cursor of who reads it.
 * @param given where it goes instead
 * @param always fields of every line
 */
export function makeLogger(level: LogLevel, given?: LogDestination, always: object | null = null): Logger {
  const destination =
    given ?? stderrDestination((lines) => logger.warn({ lines }, 'lines of the log were lost'))
  const logger = pino(
    {
      level,
      base: always,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: withoutSecrets },
      serializers: { err: describeError },
      mixin: () => {
        const request = currentRequest()
        return request ? { request_id: request.id } : {}
      },
    },
    { write: (line: string) => destination.write(line.replace(UNSAFE, escaped)) },
  )
  return logger
}

/**
 * The fields of a line, those named like secrets censored. pino's own redaction does the same at ten times the price, and a
 * line is written for every request.
 */
function withoutSecrets(fields: Record<string, unknown>): Record<string, unknown> {
  const written: Record<string, unknown> = {}
  for (const name in fields) {
    const value = fields[name]
    // A `code` at the top would be an authorization code; below, in an error, it says what went wrong.
    if (SECRET_FIELDS.has(name) || name === 'code') written[name] = CENSORED
    else if (typeof value !== 'object' || value === null || value instanceof Error) written[name] = value
    else written[name] = censored(value)
  }
  return written
}

function censored(value: object): object {
  if (Array.isArray(value) || !Object.keys(value).some((name) => SECRET_FIELDS.has(name))) return value
  const entries = Object.entries(value)
  return Object.fromEntries(entries.map(([name, one]) => [name, SECRET_FIELDS.has(name) ? CENSORED : one]))
}

function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { type: typeof error }
  const described: object = pino.stdSerializers.err(error)
  return Object.fromEntries(Object.entries(described).filter(([name]) => ERROR_FIELDS.includes(name)))
}

/** As JSON may have it anywhere in a string (RFC 8259 §7). */
function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
