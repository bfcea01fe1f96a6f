import { Misuse } from './outcome.ts'

/** One row of a CSV file and the line it begins on. */
export interface CsvRow {
  readonly line: number
  readonly cells: readonly string[]
}

/** What is special outside quotes. */
const SPECIAL = /[",\r\n]/g
const LINE_END = /\r\n|\n|\r|$/y

/**
 * Reads CSV as RFC 4180 has it: commas, quotes doubled inside quotes, line breaks inside quotes. Empty lines are left out.
 * @throws Misuse that names the line
 */
export function* readCsv(text: string): Generator<CsvRow> {
  let at = 0
  for (let line = 1; at < text.length; ) {
    const begun = at
    const cells: string[] = []
    for (let isOpen = true; isOpen; ) {
      const cell = readCell(text, at)
      const next = cell && (text[cell.end] === ',' ? cell.end + 1 : endOfLine(text, cell.end))
      if (next === undefined) throw new Misuse(`line ${line} is no CSV: a quote is missing or out of place`)
      cells.push(cell?.value ?? '')
      isOpen = cell !== undefined && text[cell.end] === ','
      at = next
    }
    if (cells.length > 1 || cells[0] !== '') yield { line, cells }
    line += text.slice(begun, at).split(/\r\n|\n|\r/).length - 1
  }
}

/** The cell that begins at `from`, and where it ends. Undefined where its quote does not. */
function readCell(text: string, from: number): { value: string; end: number } | undefined {
  if (text[from] !== '"') {
    SPECIAL.lastIndex = from
    const end = SPECIAL.exec(text)?.index ?? text.length
    return { value: text.slice(from, end), end }
  }
  let quote = text.indexOf('"', from + 1)
  while (quote >= 0 && text[quote + 1] === '"') quote = text.indexOf('"', quote + 2)
  return quote < 0 ? undefined : { value: text.slice(from + 1, quote).replaceAll('""', '"'), end: quote + 1 }
}

/** Where the next line begins, when this one ends at `at`. */
function endOfLine(text: string, at: number): number | undefined {
  LINE_END.lastIndex = at
  return LINE_END.test(text) ? LINE_END.lastIndex : undefined
}
