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
const SECRET_FIELDS = [
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
]
/** What is written of an error. Drivers add more: PostgreSQL's `detail` is a whole row, password hash included. */
const ERROR_FIELDS = ['type', 'message', 'stack', 'code', 'constraint', 'table', 'syscall', 'address', 'port']
/** JSON leaves these as they are, and a terminal may obey them: C1 controls, line separators, changes of direction. */
const UNSAFE = /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g

/**
 * The structured log: one JSON document a line, on stderr (stdout belongs to what a command prints). Each line written
 * while a request is served carries its id. Values of fields that are named like secrets are replaced, and no character
 * of what a stranger sent can end a line or move the cursor of who reads it.
 */
export function makeLogger(level: LogLevel, given?: LogDestination): Logger {
  const destination =
    given ?? stderrDestination((lines) => logger.warn({ lines }, 'lines of the log were lost'))
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: {
        // A `code` at the top would be an authorization code; below, in an error, it says what went wrong.
        paths: ['code', ...SECRET_FIELDS.flatMap((name) => [name, `*.${name}`])],
        censor: '[secret]',
      },
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

function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { type: typeof error }
  const described: object = pino.stdSerializers.err(error)
  return Object.fromEntries(Object.entries(described).filter(([name]) => ERROR_FIELDS.includes(name)))
}

/** As JSON may have it anywhere in a string (RFC 8259 §7). */
function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
