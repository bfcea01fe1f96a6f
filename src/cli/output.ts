import type { Row } from './answer.ts'

/** Fields whose content is the operator's own: its names stay as they are. */
const FREE_FIELDS = new Set(['extra', 'details'])
const GAP = '  '

/** One column of a table: the field it shows, and its heading where that is another word. */
export type Column = string | readonly [field: string, heading: string]

/**
 * The one JSON document that `--json` prints, as a line. Names become snake_case, times ISO 8601; what `extra` and
 * `details` contain stays as it was stored.
 */
export function toJson(data: unknown): string {
  return JSON.stringify(withWireNames(JSON.parse(JSON.stringify(data ?? null))))
}

function withWireNames(data: unknown): unknown {
  if (Array.isArray(data)) return data.map(withWireNames)
  if (typeof data !== 'object' || data === null) return data
  const entries = Object.entries(data).map(([name, value]) => {
    return [snakeCase(name), FREE_FIELDS.has(name) ? value : withWireNames(value)]
  })
  return Object.fromEntries(entries)
}

function snakeCase(name: string): string {
  return name.replace(/(?<=[a-z0-9])[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

/**
 * Rows as aligned columns under their headings.
 * @param empty what to say where there is no row
 */
export function table(rows: readonly Row[], columns: readonly Column[], empty: string): string {
  if (rows.length === 0) return empty
  const lines = [
    columns.map((column) => headingOf(column).toUpperCase()),
    ...rows.map((row) => columns.map((column) => cell(row[fieldOf(column)]))),
  ]
  return align(lines)
}

/** One thing as lines of `name  value`. */
export function properties(row: Row, columns: readonly Column[]): string {
  return align(columns.map((column) => [headingOf(column), cell(row[fieldOf(column)])]))
}

function align(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, index) => Math.max(...lines.map((line) => lengthOf(line[index]))))
  return lines
    .map((line) =>
      line
        .map((text, index) => pad(text, widths[index] ?? 0))
        .join(GAP)
        .trimEnd(),
    )
    .join('\n')
}

/** Counted in characters, so that a name outside the basic plane does not shift its line. */
function lengthOf(text: string | undefined): number {
  return [...(text ?? '')].length
}

function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - lengthOf(text)))
}

function fieldOf(column: Column): string {
  return typeof column === 'string' ? column : column[0]
}

function headingOf(column: Column): string {
  return typeof column === 'string' ? snakeCase(column).replaceAll('_', ' ') : column[1]
}

/** A value for people. A control character is shown as one, so that no name can move the cursor of a terminal. */
function cell(value: unknown): string {
  if (value === null || value === undefined || value === '') return '-'
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (Array.isArray(value)) return value.length === 0 ? '-' : value.map(cell).join(' ')
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value)
  return text.replace(/\p{C}/gu, '\uFFFD')
}
