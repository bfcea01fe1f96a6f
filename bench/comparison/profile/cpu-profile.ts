/** What `node --cpu-prof` writes: a tree of call frames, and which of them each sample was taken in. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number
    readonly children?: readonly number[]
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
  }[]
  /** Microseconds of the system's monotonic clock. */
  readonly startTime: number
  readonly samples: readonly number[]
  /** Microseconds from one sample to the next. */
  readonly timeDeltas: readonly number[]
}

/** Time that a function used itself, without those that it called. */
export interface SelfTime {
  readonly name: string
  readonly microseconds: number
}

/** Between two moments of the system's monotonic clock, microseconds. */
export interface Span {
  readonly from: number
  readonly until: number
}

/** Waiting for something to do is no work. */
const IDLE = new Set(['(idle)', '(root)'])

/**
 * Sums up self time over a span, longest first.
 * @param nameOf what a call frame counts as: a function, or the package that it is in
 */
export function selfTimes(
  profile: CpuProfile,
  { from, until }: Span,
  nameOf: (frame: CpuProfile['nodes'][number]['callFrame']) => string,
): SelfTime[] {
  const names = new Map(
    profile.nodes
      .filter(({ callFrame }) => !IDLE.has(callFrame.functionName))
      .map(({ id, callFrame }) => [id, nameOf(callFrame)]),
  )
  const times = new Map<string, number>()
  let at = profile.startTime
  for (const [place, node] of profile.samples.entries()) {
    const delta = profile.timeDeltas[place] ?? 0
    at += delta
    const name = names.get(node)
    if (name !== undefined && at >= from && at <= until) times.set(name, (times.get(name) ?? 0) + delta)
  }
  return [...times]
    .map(([name, microseconds]) => ({ name, microseconds }))
    .sort((left, right) => right.microseconds - left.microseconds)
}

/** `sign (jose/dist/webapi/lib/signing.js:12)`; what has no file is V8's or Node's own. */
export function functionName({
  functionName: name,
  url,
  lineNumber,
}: CpuProfile['nodes'][number]['callFrame']): string {
  const own = name === '' ? '(anonymous)' : name
  return url === '' ? own : `${own} (${shortPath(url)}:${lineNumber + 1})`
}

/** The package, or of our own code the folder; what has no file is V8's or Node's own. */
export function packageName({ functionName: name, url }: CpuProfile['nodes'][number]['callFrame']): string {
  if (url === '') return name.startsWith('(') ? name : '(native)'
  if (url.startsWith('node:')) return url.split('/').slice(0, 2).join('/')
  const path = shortPath(url)
  const parts = path.split('/')
  return path.startsWith('src/') || path.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? path)
}

function shortPath(url: string): string {
  return url.replace(/^.*\/node_modules\//, '').replace(/^file:.*\/dist\//, '')
}
