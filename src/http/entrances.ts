import type { Entrance } from './front.ts'
import { ROUTES } from './route-table.ts'
import { overloadedBody } from './send-error.ts'

/** What of the table the front needs, by path. */
export function entrances(): (path: string) => Entrance | undefined {
  const exact = new Map<string, Entrance>()
  const beginnings: [string, Entrance][] = []
  for (const { path, kind, django = false } of ROUTES) {
    if (kind === undefined) continue
    const entrance = { kind, route: path, refusal: JSON.stringify(overloadedBody(django)) }
    exact.set(path, entrance)
    if (django) exact.set(path.slice(0, -1), entrance)
    if (path.includes(':')) beginnings.push([path.slice(0, path.indexOf(':')), entrance])
  }
  return (path) => exact.get(path) ?? beginnings.find(([beginning]) => path.startsWith(beginning))?.[1]
}
