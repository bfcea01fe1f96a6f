import type { ImportedRow } from '../users/import.ts'
import { IMPORT_COLUMNS } from '../users/imported-user-input.ts'
import { readCsv } from './csv.ts'
import { Misuse } from './outcome.ts'

/**
 * All users of a file: CSV with a header, or one JSON object a line. Read to its end before anything is done with them, so
 * that a file with a hole in it changes nothing.
 * @throws Misuse that names the line
 */
export function userRows(bytes: Buffer): ImportedRow[] {
  const text = textOf(bytes)
  return text.trimStart().startsWith('{') ? [...jsonRows(text)] : [...csvRows(text)]
}

function* jsonRows(text: string): Generator<ImportedRow> {
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue
    yield { line: index + 1, fields: objectOf(line, index + 1) }
  }
}

function objectOf(line: string, number: number): ImportedRow['fields'] {
  try {
    const value: unknown = JSON.parse(line)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  } catch {}
  throw new Misuse(`line ${number} is no JSON object`)
}

function* csvRows(text: string): Generator<ImportedRow> {
  const [header, ...rows] = readCsv(text)
  if (header === undefined) throw new Misuse('the file is empty')
  const columns = header.cells.map((cell) => cell.trim())
  const unknown = columns.filter((column) => !IMPORT_COLUMNS.includes(column))
  if (unknown.length > 0 || !columns.includes('username') || new Set(columns).size < columns.length) {
    throw new Misuse(
      `line ${header.line} must name the columns, separated by commas: username, and any of ${IMPORT_COLUMNS.join(', ')}`,
    )
  }
  for (const { line, cells } of rows) {
    if (cells.length !== columns.length)
      throw new Misuse(`line ${line} has ${cells.length} cells, not ${columns.length}`)
    yield { line, fields: Object.fromEntries(columns.map((column, index) => [column, cells[index]])) }
  }
}

function textOf(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new Misuse('the file is not UTF-8 text')
  }
}
