import { CommanderError } from 'commander'
import { ConfigProblem, EXIT_CONFIG } from '../config.ts'
import { SealingKeyProblem } from '../keys/sealing-key.ts'
import { Refusal } from '../refusal.ts'
import { Unavailable } from '../unavailable.ts'

/** The exit statuses, beside 78 for the configuration (`EXIT_CONFIG`). */
export const EXIT_DONE = 0
export const EXIT_REFUSED = 1
const EXIT_MISUSE = 2

/** The command line itself is wrong: exit status 2. The message never repeats a value that could be a secret. */
export class Misuse extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'Misuse'
  }
}

/** Why a command did not do its work. */
export interface Failure {
  readonly exitCode: number
  /** Stable, for programs. */
  readonly error: string
  /** For people; several mistakes in the configuration have a line each. */
  readonly message: string
  /** Whether it is a mistake of ours, whose stack is worth showing. */
  readonly isUnexpected: boolean
}

/** What an error means for whoever started the command; undefined where it is none (`--help`, `--version`). */
export function failureOf(error: unknown): Failure | undefined {
  if (error instanceof CommanderError) {
    return error.exitCode === 0 ? undefined : failure(EXIT_MISUSE, 'misuse', explainMisuse(error))
  }
  if (error instanceof Misuse) return failure(EXIT_MISUSE, 'misuse', error.message)
  if (error instanceof Refusal) return failure(EXIT_REFUSED, error.code, error.message)
  if (error instanceof Unavailable && isFromDatabase(error.cause)) return failureOf(error.cause)
  if (error instanceof Unavailable) {
    return failure(EXIT_REFUSED, 'unavailable', `${error.message}: see keyturn doctor, then try again`)
  }
  if (error instanceof ConfigProblem) return failure(EXIT_CONFIG, 'configuration', error.message)
  if (error instanceof SealingKeyProblem) {
    return failure(EXIT_CONFIG, `sealing_key_${error.kind}`, error.message)
  }
  const message = error instanceof Error ? error.message : String(error)
  if (isFromDatabase(error)) return failure(EXIT_REFUSED, 'database', `the database refused: ${message}`)
  return { exitCode: EXIT_REFUSED, error: 'unexpected', message, isUnexpected: true }
}

function failure(exitCode: number, error: string, message: string): Failure {
  return { exitCode, error, message, isUnexpected: false }
}

/**
 * Commander's words. Somebody may have typed `--password=…` against all advice: that it stands in the shell's history is
 * enough, so no value is repeated.
 */
function explainMisuse({ code, message }: CommanderError): string {
  if (code === 'commander.help') return 'the command is incomplete'
  const text = message.replace(/^error: /, '').replace(/(--[\w-]+)=[^']*/g, '$1=…')
  return /unknown option '--(password|secret)\b/.test(text)
    ? `${text}\nSecrets are no arguments: use --password-stdin`
    : text
}

/** PostgreSQL says what is wrong with a five-character SQLSTATE: a wrong password, a database that is not there. */
function isFromDatabase(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code, severity } = error as { code?: unknown; severity?: unknown }
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && typeof severity === 'string'
}
