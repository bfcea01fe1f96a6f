import { readFileSync } from 'node:fs'

/** Who runs where, as `taskset` wants it. */
export interface Cores {
  /** Of the systems and their stores. */
  readonly systems: string
  /** Of the load generator and of whoever measures. */
  readonly generator: string
}

/**
 * Keeps the last of our cores for the load generator.
 * @returns undefined where there is one core only, or nothing that says which
 */
export function shareCores(): Cores | undefined {
  const cores = allowedCores()
  const generator = cores.pop()
  if (generator === undefined || cores.length === 0) return undefined
  return { systems: cores.join(','), generator: String(generator) }
}

/** proc(5): `Cpus_allowed_list: 0-1,4`. */
function allowedCores(): number[] {
  let status = ''
  try {
    status = readFileSync('/proc/self/status', 'utf8')
  } catch {} // not Linux: nothing is pinned
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(status)?.[1] ?? ''
  return list.split(',').flatMap((range) => {
    const [first = Number.NaN, last = first] = range.split('-').map(Number)
    return Number.isNaN(first) ? [] : Array.from({ length: last - first + 1 }, (_, place) => first + place)
  })
}
