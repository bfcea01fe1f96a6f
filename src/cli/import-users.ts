import { readFile, stat } from 'node:fs/promises'
import type { Command } from 'commander'
import { Refusal } from '../refusal.ts'
import { normalizeIdentifier } from '../users/identifier.ts'
import type { ImportedRow, RowReport } from '../users/import.ts'
import { IMPORT_COLUMNS } from '../users/imported-user-input.ts'
import type { Answer } from './answer.ts'
import { batches } from './batches.ts'
import { addCommand, type Run } from './command.ts'
import type { Context } from './context.ts'
import { readToEnd } from './input.ts'
import { Misuse } from './outcome.ts'
import { table } from './output.ts'
import { userRows } from './user-rows.ts'

/** Half a million users; the file is held in memory. */
const MAX_BYTES = 256 * 1024 * 1024

/** `keyturn users import`. */
export function addUserImportCommand(users: Command, run: Run): void {
  addCommand(
    users,
    'import <file>',
    'bring users along with the hashes they have: CSV with a header or one JSON object a line, from a file or - for stdin',
    'keyturn users import users.csv',
  )
    .option(
      '--allow-legacy-hashes',
      'take MD5 and SHA-1 hashes over as well; each is replaced at its first login',
    )
    .addHelpText('after', `\nColumns: ${IMPORT_COLUMNS.join(', ')}. Only username is required.`)
    .action((file: string, options: { allowLegacyHashes?: true }) =>
      run(async ({ ask }) => {
        const rows = userRows(file === '-' ? await readToEnd(MAX_BYTES) : await readUserFile(file))
        return answerOf(await importRows(ask, rows, options.allowLegacyHashes ?? false))
      }),
    )
}

async function importRows(
  ask: Context['ask'],
  rows: readonly ImportedRow[],
  isLegacyAllowed: boolean,
): Promise<RowReport[]> {
  const reports: RowReport[] = []
  const { unique, repeated } = withoutRepeats(rows)
  for await (const batch of batches(unique)) {
    reports.push(...(await ask<RowReport[]>('users.import', { rows: batch, isLegacyAllowed })))
  }
  return [...reports, ...repeated].sort((left, right) => left.line - right.line)
}

/** Sets rows aside whose username an earlier row has: the first would be added and the second look as if it were present. */
function withoutRepeats(rows: readonly ImportedRow[]): { unique: ImportedRow[]; repeated: RowReport[] } {
  const lines = new Map<string, number>()
  const unique: ImportedRow[] = []
  const repeated: RowReport[] = []
  for (const row of rows) {
    const username = String(row.fields['username'] ?? '')
    const identifier = normalizeIdentifier(username)
    const first = lines.get(identifier)
    if (first === undefined) {
      lines.set(identifier, row.line)
      unique.push(row)
    } else {
      const message = `line ${first} has this username, too`
      repeated.push({ line: row.line, username, outcome: 'refused', error: 'username_repeated', message })
    }
  }
  return { unique, repeated }
}

async function readUserFile(path: string): Promise<Buffer> {
  const unreadable = (error: unknown): never => {
    const { code } = error as { code?: unknown }
    throw new Refusal('file_unreadable', `${path} cannot be read (${String(code)})`)
  }
  const { size } = await stat(path).catch(unreadable)
  if (size > MAX_BYTES) throw new Misuse(`${path} has ${size} bytes: split it into several`)
  return readFile(path).catch(unreadable)
}

function answerOf(rows: readonly RowReport[]): Answer {
  const count = (outcome: RowReport['outcome']) => rows.filter((row) => row.outcome === outcome).length
  const [added, present, refused] = [count('added'), count('present'), count('refused')]
  const text = [
    `${added} added, ${present} there already and left as they are, ${refused} refused.`,
    ...(refused > 0 ? [table(rows.filter(isRefused), ['line', 'username', 'error', 'message'], '')] : []),
  ].join('\n')
  return { data: { added, present, refused, rows }, text, isBadNews: refused > 0 }
}

function isRefused(row: RowReport): row is RowReport & { outcome: 'refused' } {
  return row.outcome === 'refused'
}
