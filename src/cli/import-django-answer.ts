import type { SettingReport } from '../django/simple-jwt.ts'
import type { Answer } from './answer.ts'
import { table } from './output.ts'

/** Refused records shown to people; all are in the report. */
const SHOWN = 50

/** A record that was not taken, or not wholly, and why. */
export type Refused = Readonly<Record<'model' | 'record' | 'error' | 'message', string>>

/** What became of all records of a model. */
export interface Count {
  readonly found: number
  readonly added: number
  readonly present: number
  readonly refused: number
}

/** What an import came to. */
export interface ImportResult {
  readonly isDryRun: boolean
  readonly counts: Readonly<Record<string, Count>>
  readonly leftOut: Readonly<Record<string, number>>
  readonly refused: readonly Refused[]
  /** Users who came along without an e-mail address that somebody else has. */
  readonly emailsDropped: readonly Refused[]
  readonly settings: readonly SettingReport[]
}

/** What the command says of it. */
export function importAnswer({ counts, ...result }: ImportResult): Answer {
  const { isDryRun, leftOut, refused, emailsDropped, settings } = result
  const rows = Object.entries(counts).map(([what, count]) => ({ what: nameOf(what), ...count }))
  const others = Object.entries(leftOut).map(([model, count]) => `${count} of ${model}`)
  const listed = [...refused, ...emailsDropped]
  const text = [
    ...(isDryRun ? ['Nothing was changed: this is what an import would do.'] : []),
    table(rows, ['what', 'found', 'added', 'present', 'refused'], ''),
    ...(others.length > 0 ? [`Left out, since there is no place for them here: ${others.join(', ')}.`] : []),
    ...(listed.length > 0
      ? [table(listed.slice(0, SHOWN), ['model', 'record', 'error', 'message'], '')]
      : []),
    ...(listed.length > SHOWN ? [`… and ${listed.length - SHOWN} more: --report writes them all.`] : []),
    ...(settings.length > 0 ? [table(settings, ['setting', 'outcome', 'message'], '')] : []),
  ].join('\n')
  const isBadNews =
    refused.length > 0 || settings.some(({ outcome }) => outcome === 'refused' || outcome === 'differs')
  return { data: { ...counts, ...result }, text, isBadNews }
}

function nameOf(what: string): string {
  return { apiKeys: 'API keys', refreshTokens: 'refresh tokens' }[what] ?? what
}
