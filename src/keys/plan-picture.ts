import type { KeyPhase } from './signing-key.ts'

/** What a picture shows of a key: a lane with a bar for each phase. Times are ISO 8601. */
export interface KeyLane {
  readonly kid: string
  readonly algorithm: string
  readonly publishedAt: string
  readonly activatesAt: string | null
  readonly retiresAt: string | null
  readonly revokedAt: string | null
  readonly removesAt: string | null
}

/** A phase of a key as a bar. Without an end it goes on beyond the picture. */
interface Bar {
  readonly phase: Exclude<KeyPhase, 'gone'>
  readonly from: number
  readonly to: number
}

/** Readable on white and on black; `revoked` is the alarming one. */
const COLOURS: Readonly<Record<Bar['phase'], string>> = {
  next: '#4a90d9',
  active: '#2f9e44',
  retired: '#9a8c5a',
  revoked: '#d9480f',
}
const MEANINGS: Readonly<Record<Bar['phase'], string>> = {
  next: 'next: published, not signing',
  active: 'active: signs',
  retired: 'retired: verifies only',
  revoked: 'revoked: in no JWKS',
}
const WIDTH = 900
const LEFT = 190
const RIGHT = 30
const TOP = 58
const LANE = 34
const BAR = 16
const FOOT = 50
const TICKS = 5
/** How much of a kid tells it apart. */
const KID_SHOWN = 12
/** Shown around the first and the last moment, as a part of what is between them. */
const MARGIN = 0.06
const MINUTE_MS = 60_000

/**
 * The timeline of the keys as an SVG document: one lane a key, in the order given, a bar for each phase, and a line at
 * `now`. The same input gives the same bytes.
 */
export function planPicture(lanes: readonly KeyLane[], now: string): string {
  const { from, to } = span(lanes, now)
  const x = (time: number) => {
    const share = Math.min(1, Math.max(0, (time - from) / (to - from)))
    return round(LEFT + share * (WIDTH - LEFT - RIGHT))
  }
  const bottom = TOP + Math.max(1, lanes.length) * LANE
  const height = bottom + FOOT
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">`,
    '<title>The life of the signing keys</title>',
    STYLE,
    `<rect class="ground" width="${WIDTH}" height="${height}"/>`,
    ...legend(),
    ...ticks(from, to, x, bottom),
    ...lanes.flatMap((lane, index) => drawLane(lane, TOP + index * LANE, to, x)),
    `<line class="now" x1="${x(Date.parse(now))}" x2="${x(Date.parse(now))}" y1="${TOP - 8}" y2="${bottom + 4}"/>`,
    `<text class="now-label" x="${x(Date.parse(now))}" y="${bottom + 36}" text-anchor="middle">now ${short(Date.parse(now))}</text>`,
    '</svg>',
    '',
  ].join('\n')
}

const STYLE = `<style>
.ground{fill:#fff}text{font:12px system-ui,sans-serif;fill:#1f2328}.dim{fill:#59636e}
.grid{stroke:#d1d9e0}.now{stroke:#cf222e;stroke-width:1.5;stroke-dasharray:4 3}.now-label{fill:#cf222e}
@media(prefers-color-scheme:dark){.ground{fill:#0d1117}text{fill:#f0f6fc}.dim{fill:#9198a1}
.grid{stroke:#3d444d}.now{stroke:#ff7b72}.now-label{fill:#ff7b72}}
</style>`

/** The phases that a key goes through, one after the other. */
function barsOf(lane: KeyLane, end: number): Bar[] {
  const at = (time: string | null) => (time === null ? end : Date.parse(time))
  const ended = Math.min(at(lane.retiresAt), at(lane.revokedAt))
  const last = lane.revokedAt === null ? 'retired' : 'revoked'
  const bars: Bar[] = [
    { phase: 'next', from: at(lane.publishedAt), to: Math.min(at(lane.activatesAt), ended) },
    { phase: 'active', from: at(lane.activatesAt), to: ended },
    { phase: last, from: ended, to: at(lane.removesAt) },
  ]
  return bars.filter((bar) => bar.to > bar.from)
}

function drawLane(lane: KeyLane, top: number, end: number, x: (time: number) => number): string[] {
  const name = escapeXml(lane.kid.length > KID_SHOWN ? `${lane.kid.slice(0, KID_SHOWN)}…` : lane.kid)
  const y = top + (LANE - BAR) / 2
  return [
    `<text x="12" y="${y + 12}">${name} <tspan class="dim">${escapeXml(lane.algorithm)}</tspan></text>`,
    ...barsOf(lane, end).map(({ phase, from, to }) => {
      const width = round(Math.max(2, x(to) - x(from)))
      const says = `${escapeXml(lane.kid)}: ${phase} ${iso(from)} – ${to === end ? '' : iso(to)}`
      return `<rect data-kid="${escapeXml(lane.kid)}" data-phase="${phase}" x="${x(from)}" y="${y}" width="${width}" height="${BAR}" rx="3" fill="${COLOURS[phase]}"><title>${says}</title></rect>`
    }),
  ]
}

function legend(): string[] {
  return Object.entries(MEANINGS).flatMap(([phase, meaning], index) => {
    const x = 12 + index * 215
    return [
      `<rect x="${x}" y="14" width="14" height="14" rx="3" fill="${COLOURS[phase as Bar['phase']]}"/>`,
      `<text x="${x + 20}" y="26">${meaning}</text>`,
    ]
  })
}

function ticks(from: number, to: number, x: (time: number) => number, bottom: number): string[] {
  return Array.from({ length: TICKS }, (_, index) => from + ((index + 0.5) / TICKS) * (to - from)).flatMap(
    (time) => [
      `<line class="grid" x1="${x(time)}" x2="${x(time)}" y1="${TOP - 8}" y2="${bottom}"/>`,
      `<text class="dim" x="${x(time)}" y="${bottom + 18}" text-anchor="middle">${short(time)}</text>`,
    ],
  )
}

function span(lanes: readonly KeyLane[], now: string): { from: number; to: number } {
  const moments = [
    now,
    ...lanes.flatMap((lane) => [
      lane.publishedAt,
      lane.activatesAt,
      lane.retiresAt,
      lane.revokedAt,
      lane.removesAt,
    ]),
  ]
    .filter((moment) => moment !== null)
    .map((moment) => Date.parse(moment))
  const [first, last] = [Math.min(...moments), Math.max(...moments)]
  const margin = Math.max(MINUTE_MS, (last - first) * MARGIN)
  return { from: first - margin, to: last + margin }
}

function round(pixels: number): number {
  return Math.round(pixels * 10) / 10
}

function iso(time: number): string {
  return new Date(time).toISOString()
}

/** To the minute, UTC. */
function short(time: number): string {
  return iso(time).slice(0, 16).replace('T', ' ')
}

function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
}
