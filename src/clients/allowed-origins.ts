import type { Clock } from '../clock.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Clients } from './clients.ts'

/** How old what is known may be: about as long as any other change of an operator takes to be everywhere. */
const FRESH_SECONDS = 15
const NOBODY: ReadonlySet<string> = new Set()

/** The ids of the enabled clients that a web origin is registered for. Never throws; asked only where a browser names one. */
export type ClientsOfOrigin = (origin: string) => Promise<ReadonlySet<string>>

/**
 * Keeps the origins of all clients in memory, and reads them again when somebody asks and they are old. While they cannot
 * be read, what was known counts.
 */
export function clientsOfOrigin(parts: {
  readonly clients: Pick<Clients, 'findOrigins'>
  readonly clock: Clock
  readonly logger: Logger
}): ClientsOfOrigin {
  const { clients, clock, logger } = parts
  let known: ReadonlyMap<string, ReadonlySet<string>> = new Map()
  let readAt = Number.NEGATIVE_INFINITY
  let reading: Promise<void> | undefined

  async function read(): Promise<void> {
    const startedAt = clock.now().getTime()
    try {
      known = byOrigin(await clients.findOrigins())
      readAt = startedAt
    } catch (error) {
      logger.warn({ err: error }, 'the allowed origins were not read')
    }
  }

  return async (origin) => {
    // A clock that was set back makes them old, too.
    if (Math.abs(clock.now().getTime() - readAt) >= FRESH_SECONDS * 1000) {
      reading ??= read().finally(() => {
        reading = undefined
      })
      await reading
    }
    return known.get(origin) ?? NOBODY
  }
}

function byOrigin(rows: Awaited<ReturnType<Clients['findOrigins']>>): Map<string, Set<string>> {
  const map = new Map<string, Set<string>>()
  for (const { id, origins } of rows) {
    for (const origin of origins) map.set(origin, (map.get(origin) ?? new Set()).add(id))
  }
  return map
}
