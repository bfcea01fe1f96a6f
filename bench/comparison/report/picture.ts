import { SCENARIOS } from '../scenarios.ts'
import { SYSTEM_TITLES } from '../systems/system.ts'
import type { Summary } from './summary.ts'

const MARGIN = 24
const NAMES = 230
const BARS = 420
const ROW = 22
const HEAD = 34
const TOP = 76
/** A bar this many times the shortest would leave nothing to see of the others: it is cut. */
const CUT = 8
const WIDTH = MARGIN * 2 + NAMES + BARS + 110

const STYLE = `
    .back { fill: #ffffff } text { fill: #1f2328; font-family: system-ui, sans-serif; font-size: 13px }
    .title { font-size: 18px; font-weight: 600 } .group { font-weight: 600 } .small { font-size: 11px; fill: #59636e }
    .server { fill: #bc4c00 } .stores { fill: #bc4c00; opacity: .45 } .ours .server, .ours .stores { fill: #0969da }
    .goal { stroke: #1a7f37; stroke-width: 2 }
    @media (prefers-color-scheme: dark) {
      .back { fill: #0d1117 } text { fill: #e6edf3 } .small { fill: #9198a1 } .goal { stroke: #3fb950 }
      .server, .stores { fill: #f0883e } .ours .server, .ours .stores { fill: #4493f8 }
    }`

/**
 * A panel for each scenario, a bar for each system: CPU of an operation in bare signatures at 64 connections.
 * @returns an SVG file's text, readable on light and dark ground
 */
export function drawPicture(summaries: readonly Summary[], how: string): string {
  const wide = summaries.filter(({ mode }) => mode === 'closed-64')
  let y = TOP
  const panels = SCENARIOS.flatMap(({ name, title, goal }) => {
    const own = wide.filter(({ scenario }) => scenario === name)
    if (own.length === 0) return []
    const ratios = own.map(({ ratio }) => ratio.median)
    const longest = Math.max(goal ?? 0, Math.min(Math.max(...ratios), CUT * Math.min(...ratios)))
    const top = y
    y += HEAD + own.length * ROW + 14
    const caption = goal === undefined ? title : `${title} (goal ${goal.toFixed(2)})`
    const x = MARGIN + NAMES + ((goal ?? 0) / longest) * BARS
    const line = `<line class="goal" x1="${x}" x2="${x}" y1="${top + 24}" y2="${y - 12}"/>`
    return [
      text(MARGIN, top + 16, caption, 'group'),
      ...own.map((one, row) => drawBar(one, top + HEAD + row * ROW, longest)),
      ...(goal === undefined ? [] : [line]),
    ]
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y + 12}" width="${WIDTH}" height="${y + 12}" role="img" aria-labelledby="title">
  <title id="title">CPU of an operation in bare RSA-2048 signatures</title>
  <style>${STYLE}
  </style>
  <rect class="back" width="${WIDTH}" height="${y + 12}"/>
  ${text(MARGIN, 34, 'CPU of an operation, in bare RSA-2048 signatures', 'title')}
  ${text(MARGIN, 54, `64 connections; dark: server, light: its stores. ${how.split(';')[0]}. Shorter is better.`, 'small')}
  ${panels.join('\n  ')}
</svg>
`
}

function drawBar({ system, serverRatio, ratio }: Summary, y: number, longest: number): string {
  const x = MARGIN + NAMES
  const length = (value: number) => Math.min(BARS, Math.max(1, (value / longest) * BARS))
  const isCut = ratio.median > longest
  const server = length(serverRatio.median)
  const stores = Math.max(0, length(ratio.median) - server)
  const isOurs = system.startsWith('keyturn')
  return [
    `<g${isOurs ? ' class="ours"' : ''}>`,
    text(MARGIN, y + 13, SYSTEM_TITLES[system], ''),
    `<rect class="server" x="${x}" y="${y + 2}" width="${server.toFixed(1)}" height="14"/>`,
    `<rect class="stores" x="${(x + server).toFixed(1)}" y="${y + 2}" width="${stores.toFixed(1)}" height="14"/>`,
    text(x + server + stores + 6, y + 13, `${isCut ? '» ' : ''}${ratio.median.toFixed(2)}`, 'small'),
    '</g>',
  ].join('')
}

function text(x: number, y: number, content: string, style: string): string {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
  return `<text x="${x.toFixed(1)}" y="${y}"${style === '' ? '' : ` class="${style}"`}>${escaped}</text>`
}
