import { find, percent } from './report.ts'
import type { Result } from './run.ts'
import { STRATEGIES } from './strategies/all.ts'
import type { Strategy } from './strategy.ts'
import type { Shares } from './tally.ts'

/** One column of the picture: a share that had better be small. */
interface Column {
  readonly scenario: string
  readonly caption: readonly [string, string]
  readonly share: (shares: Shares) => number
}

const lost = (shares: Shares) => shares.lost
const undetected = (shares: Shares) => 1 - (shares.detected ?? 1)

const GROUPS: readonly { readonly title: string; readonly columns: readonly Column[] }[] = [
  {
    title: 'Sessions lost without any theft, % of sessions',
    columns: [
      { scenario: 'A', caption: ['A lost answers,', 'quick retry'], share: lost },
      { scenario: 'B', caption: ['B lost answers,', 'some retries late'], share: lost },
      { scenario: 'C', caption: ['C a second tab,', 'no lock'], share: lost },
      { scenario: 'D', caption: ['D store loses', 'acked writes'], share: lost },
    ],
  },
  {
    title: 'Thefts never detected, % of thefts',
    columns: [
      { scenario: 'E', caption: ['E current token', 'is copied'], share: undetected },
      { scenario: 'F', caption: ['F thief keeps in', 'step with client'], share: undetected },
      { scenario: 'G', caption: ['G last spent', 'token is copied'], share: undetected },
      { scenario: 'H', caption: ['H spent token that', 'the store forgot'], share: undetected },
    ],
  },
]

const MARGIN = 24
const NAMES = 292
const COLUMN = 116
const BAR = 66
const GAP = 28
const ROW = 34
const TOP = 132
const WIDTH = MARGIN * 2 + NAMES + GROUPS.length * GAP + 8 * COLUMN
const AXIS_TICKS = [0, 0.5, 1]

const STYLE = `
    .back { fill: #ffffff } text { fill: #1f2328; font-family: system-ui, sans-serif; font-size: 13px }
    .title { font-size: 18px; font-weight: 600 } .group { font-weight: 600 } .small { font-size: 11px; fill: #59636e }
    .ours { font-weight: 600 } .band { fill: #0969da; opacity: .08 } .axis { stroke: #d1d9e0 }
    .bar { fill: #bc4c00 } .bar.mine { fill: #0969da }
    @media (prefers-color-scheme: dark) {
      .back { fill: #0d1117 } text { fill: #e6edf3 } .small { fill: #9198a1 } .axis { stroke: #3d444d }
      .bar { fill: #f0883e } .bar.mine { fill: #4493f8 } .band { fill: #4493f8; opacity: .14 }
    }`

/**
 * Draws what the run found: a row for each strategy, a bar for each share that had better be small.
 * @param subtitle says how the figures came about
 * @returns an SVG file's text, readable on light and dark ground, with no font of its own
 */
export function drawPicture(results: readonly Result[], subtitle: string): string {
  const bottom = TOP + STRATEGIES.length * ROW
  const height = bottom + 64
  const description = STRATEGIES.map((strategy) => describe(strategy, results)).join(' ')
  const parts = [
    `<rect class="back" width="${WIDTH}" height="${height}"/>`,
    text(MARGIN, 34, 'Refresh tokens: what each strategy loses, and what it misses', 'title'),
    text(MARGIN, 56, `${subtitle} Shorter is better, everywhere.`, 'small'),
    ...STRATEGIES.map((strategy, row) => nameOf(strategy, row)),
    ...columnsOf().flatMap(({ column, x }) => drawColumn(column, x, bottom, results)),
    ...GROUPS.map(({ title }, group) => text(leftOf(group), 84, title, 'group')),
    text(
      MARGIN,
      bottom + 44,
      'Assumptions, what is left out, and how to repeat it: docs/refresh-strategies.md',
      'small',
    ),
  ]
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title description">
  <title id="title">Refresh strategies compared: sessions lost and thefts missed</title>
  <desc id="description">${escapeXml(description)}</desc>
  <style>${STYLE}
  </style>
  ${parts.join('\n  ')}
</svg>
`
}

function columnsOf(): { column: Column; x: number }[] {
  return GROUPS.flatMap(({ columns }, group) =>
    columns.map((column, place) => ({ column, x: leftOf(group) + place * COLUMN })),
  )
}

function leftOf(group: number): number {
  return MARGIN + NAMES + GAP * group + group * 4 * COLUMN
}

function nameOf({ title, ours }: Strategy, row: number): string {
  const y = TOP + row * ROW
  const band = ours
    ? `<rect class="band" x="${MARGIN - 8}" y="${y}" width="${WIDTH - MARGIN * 2 + 16}" height="${ROW}"/>`
    : ''
  return band + text(MARGIN, y + 22, title, ours ? 'ours' : '')
}

function drawColumn(column: Column, x: number, bottom: number, results: readonly Result[]): string[] {
  const { caption, scenario, share } = column
  return [
    text(x, 104, caption[0], 'small'),
    text(x, 119, caption[1], 'small'),
    ...AXIS_TICKS.flatMap((tick) => [
      `<line class="axis" x1="${x + tick * BAR}" x2="${x + tick * BAR}" y1="${TOP}" y2="${bottom + 4}"/>`,
      text(x + tick * BAR, bottom + 17, tick === 1 ? '100 %' : String(tick * 100), 'small', 'middle'),
    ]),
    ...STRATEGIES.flatMap(({ id, ours }, row) => {
      const value = share(find(results, scenario, id).shares)
      const y = TOP + row * ROW
      const length = Math.max(value * BAR, value > 0 ? 1 : 0)
      return [
        `<rect class="bar${ours ? ' mine' : ''}" x="${x}" y="${y + 10}" width="${length.toFixed(1)}" height="14"/>`,
        text(x + length + 4, y + 21, percent(value), 'small'),
      ]
    }),
  ]
}

function describe({ title, id }: Strategy, results: readonly Result[]): string {
  const shares = columnsOf().map(({ column: { scenario, share } }) => {
    return `${scenario} ${percent(share(find(results, scenario, id).shares))}`
  })
  return `${title}: ${shares.join(', ')}.`
}

function text(x: number, y: number, content: string, style: string, anchor = 'start'): string {
  const place = anchor === 'start' ? '' : ` text-anchor="${anchor}"`
  return `<text x="${x.toFixed(1)}" y="${y}"${place}${style === '' ? '' : ` class="${style}"`}>${escapeXml(content)}</text>`
}

function escapeXml(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
