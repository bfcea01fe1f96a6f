import { type DestinationStream, destination, pino } from 'pino'
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
  'code',
  'digest',
]

/**
 * The structured log: one JSON document a line, on stderr (stdout belongs to what a command prints). Each line written
 * while a request is served carries its id. Values of fields that are named like secrets are replaced.
 */
export function makeLogger(
  level: LogLevel,
  stream: DestinationStream = destination({ fd: 2, sync: false }),
): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: SECRET_FIELDS.flatMap((name) => [name, `*.${name}`]), censor: '[secret]' },
      mixin: () => {
        const request = currentRequest()
        return request ? { request_id: request.id } : {}
      },
    },
    stream,
  )
}
