import { ASSUMPTIONS } from './assumptions.ts'
import type { Result } from './run.ts'
import { SCENARIOS } from './scenarios.ts'
import { STRATEGIES } from './strategies/all.ts'

/** A table as rows of cells; the first row names the columns. */
export type Table = readonly (readonly string[])[]

const NOTHING = '–'

/** A share as people read it: small ones keep a digit that tells them from nothing. */
export function percent(share: number | null): string {
  if (share === null) return NOTHING
  if (share === 0) return '0'
  const hundredths = share * 100
  if (hundredths > 99.9 && share < 1) return '> 99.9 %'
  return `${hundredths.toFixed(hundredths < 10 ? (hundredths < 0.1 ? 2 : 1) : 0)} %`
}

/** What was assumed, one row each. */
export function assumptionsTable(): Table {
  const rows = Object.entries(ASSUMPTIONS).map(([name, { value, unit, reason }]) => {
    return [name, `${typeof value === 'number' ? value : value.join(' … ')} ${unit}`, reason]
  })
  return [['assumption', 'value', 'why'], ...rows]
}

/** Whom each strategy is modelled on. */
export function strategiesTable(): Table {
  return [['strategy', 'modelled on'], ...STRATEGIES.map(({ title, modelledOn }) => [title, modelledOn])]
}

/** Sessions lost without a theft: a column for each scenario in which none happens. */
export function lossTable(results: readonly Result[]): Table {
  const scenarios = SCENARIOS.filter(({ id }) => 'ABCD'.includes(id))
  return [
    ['sessions lost', ...scenarios.map(({ id, title }) => `${id}: ${title}`), 'forked (A)'],
    ...STRATEGIES.map(({ id, title }) => [
      title,
      ...scenarios.map((scenario) => percent(find(results, scenario.id, id).shares.lost)),
      percent(find(results, 'A', id).shares.forked),
    ]),
  ]
}

/** Thefts: what got through, what was found out, and how many access tokens a thief got on average. */
export function theftTable(results: readonly Result[]): Table {
  const scenarios = SCENARIOS.filter(({ id }) => 'EFGH'.includes(id))
  return [
    ['got ≥ 1 token / detected / tokens a theft', ...scenarios.map(({ id, title }) => `${id}: ${title}`)],
    ...STRATEGIES.map(({ id, title }) => [
      title,
      ...scenarios.map((scenario) => theftCell(find(results, scenario.id, id))),
    ]),
  ]
}

/** Everything together, in a year. */
export function yearTable(results: readonly Result[]): Table {
  return [
    [
      'a year',
      'sessions lost',
      'logins repeated, a device and year',
      'sessions forked',
      'thefts: got / detected / tokens',
    ],
    ...STRATEGIES.map(({ id, title }) => {
      const result = find(results, 'year', id)
      const { lost, lostPerDeviceYear, forked } = result.shares
      return [title, percent(lost), (lostPerDeviceYear ?? 0).toFixed(2), percent(forked), theftCell(result)]
    }),
  ]
}

function theftCell({ shares }: Result): string {
  const tokens = shares.refreshesPerTheft === null ? NOTHING : shares.refreshesPerTheft.toFixed(1)
  return `${percent(shares.got)} / ${percent(shares.detected)} / ${tokens}`
}

/** @throws Error when the run did not have that scenario or strategy */
export function find(results: readonly Result[], scenario: string, strategy: string): Result {
  const found = results.find((result) => result.scenario === scenario && result.strategy === strategy)
  if (!found) throw new Error(`no result of ${strategy} in ${scenario}`)
  return found
}

/** For the terminal: columns padded to their widest cell. */
export function toText(table: Table): string {
  const widths = (table[0] ?? []).map((_, column) =>
    Math.max(...table.map((row) => row[column]?.length ?? 0)),
  )
  const lines = table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  return `${lines.join('\n')}\n`
}

/** For a page. */
export function toMarkdown(table: Table): string {
  const [head = [], ...rows] = table
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n')
}
