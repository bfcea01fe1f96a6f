import type { CpuProfile, SelfTime, Span } from './cpu-profile.ts'

/** A function where it was called from, and what it called. */
export interface Frame {
  readonly name: string
  /** What frames are coloured by. */
  readonly group: string
  /** Its own and that of all that it called. */
  microseconds: number
  readonly calls: Map<string, Frame>
}

type NameOf = (frame: CpuProfile['nodes'][number]['callFrame']) => string

const IDLE = new Set(['(idle)', '(root)'])

const WIDTH = 1400
const ROW = 17
const TOP = 64
const MARGIN = 12
/** Narrower ones cannot be seen. */
const LEAST_WIDTH = 0.4
const CHARACTER_WIDTH = 6.6

/**
 * Joins the stacks of a span into one tree, callers above what they call. What is waited for begins a stack of its own:
 * V8 knows who called, not who awaits.
 */
export function growFlame(
  profile: CpuProfile,
  { from, until }: Span,
  nameOf: NameOf,
  groupOf: NameOf,
): Frame {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]))
  const callers = new Map(
    profile.nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])),
  )
  const root: Frame = { name: 'all', group: '', microseconds: 0, calls: new Map() }
  let at = profile.startTime
  for (const [place, sample] of profile.samples.entries()) {
    const delta = profile.timeDeltas[place] ?? 0
    at += delta
    if (at < from || at > until) continue
    const stack: CpuProfile['nodes'][number]['callFrame'][] = []
    for (let id: number | undefined = sample; id !== undefined; id = callers.get(id)) {
      const frame = nodes.get(id)?.callFrame
      if (frame && frame.functionName !== '(root)') stack.push(frame)
    }
    if (IDLE.has(stack[0]?.functionName ?? '(idle)')) continue
    root.microseconds += delta
    let parent = root
    for (const frame of stack.reverse()) {
      const name = nameOf(frame)
      const next = parent.calls.get(name) ?? {
        name,
        group: groupOf(frame),
        microseconds: 0,
        calls: new Map(),
      }
      parent.calls.set(name, next)
      next.microseconds += delta
      parent = next
    }
  }
  return root
}

/** Time of each function with all that it called, longest first; one that calls itself counts once. */
export function totalTimes(root: Frame): SelfTime[] {
  const times = new Map<string, number>()
  const walk = (frame: Frame, above: ReadonlySet<string>) => {
    if (!above.has(frame.name)) times.set(frame.name, (times.get(frame.name) ?? 0) + frame.microseconds)
    const names = new Set([...above, frame.name])
    for (const called of frame.calls.values()) walk(called, names)
  }
  for (const called of root.calls.values()) walk(called, new Set())
  return [...times]
    .map(([name, microseconds]) => ({ name, microseconds }))
    .sort((left, right) => right.microseconds - left.microseconds)
}

/**
 * Draws the tree: a box's width is its share of the time, what it calls hangs below it.
 * @param perOperation microseconds of the whole width, for the texts that show when a box is pointed at
 * @returns an SVG file's text, readable on light and dark ground
 */
export function drawFlame(root: Frame, title: string, perOperation: number): string {
  const boxes: string[] = []
  let depth = 0
  const draw = (frame: Frame, x: number, level: number) => {
    const width = (frame.microseconds / root.microseconds) * (WIDTH - 2 * MARGIN)
    if (width < LEAST_WIDTH) return
    depth = Math.max(depth, level)
    const y = TOP + level * ROW
    const cost = (perOperation * frame.microseconds) / root.microseconds
    const room = Math.floor(width / CHARACTER_WIDTH) - 1
    const label =
      room < 3
        ? ''
        : `<text x="${(x + 3).toFixed(1)}" y="${y + 12}">${escaped(frame.name.slice(0, room))}</text>`
    boxes.push(
      `<g><title>${escaped(frame.name)}: ${cost.toFixed(1)} µs</title><rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${ROW - 1}" fill="${colourOf(frame.group)}"/>${label}</g>`,
    )
    let left = x
    for (const called of [...frame.calls.values()].sort((a, b) => b.microseconds - a.microseconds)) {
      draw(called, left, level + 1)
      left += (called.microseconds / root.microseconds) * (WIDTH - 2 * MARGIN)
    }
  }
  draw(root, MARGIN, 0)
  const height = TOP + (depth + 1) * ROW + MARGIN
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}">
<style>text { font: 11px ui-monospace, monospace; fill: #1f2328 } .title { font: 600 16px system-ui, sans-serif } .back { fill: #fff }
@media (prefers-color-scheme: dark) { .back { fill: #0d1117 } .head { fill: #e6edf3 } }</style>
<rect class="back" width="${WIDTH}" height="${height}"/>
<text class="title head" x="${MARGIN}" y="26">${escaped(title)}</text>
<text class="head" x="${MARGIN}" y="48">${perOperation.toFixed(0)} µs of the main thread an operation; signatures and hashes are made on other threads. Point at a box for its name and time.</text>
${boxes.join('\n')}
</svg>
`
}

/** Blue is ours, the others have a colour of the name. */
function colourOf(group: string): string {
  if (group.startsWith('src/')) return '#79c0ff'
  if (group.startsWith('node:') || group.startsWith('(')) return '#d0d7de'
  let sum = 0
  for (const character of group) sum = (sum * 31 + character.charCodeAt(0)) % 60
  return `hsl(${10 + sum} 85% 72%)`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
