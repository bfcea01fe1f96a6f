import type { Clock } from '../clock.ts'
import type { Logger } from '../telemetry/logger.ts'
import { coalesce } from './coalesce.ts'
import type { Database } from './database.ts'

/** When a key was last used is for people who ask whether it still is: a minute is exact enough. */
const AT_MOST_EVERY_MS = 60_000
/** Keys remembered as noted; beyond that all are forgotten, which costs one write each. */
const REMEMBERED = 10_000

/**
 * Makes the note-taker for used keys: at most one write per key and minute and node, all of one turn of the event loop in
 * one statement, never waited for, never failing a request.
 * @param table has the columns `id` and `last_used_at`
 */
export function noteLastUse({
  database,
  table,
  clock,
  logger,
}: {
  database: Database
  table: 'authtokens' | 'api_keys'
  clock: Clock
  logger: Logger
}): (key: { readonly id: string; readonly lastUsedAt: Date | null }) => void {
  const notedAt = new Map<string, number>()
  const write = coalesce(async (ids: readonly string[]) => {
    await database.query(
      `update ${table} k set last_used_at = $2 from (
         select id from ${table} where id = any($1) and (last_used_at is null or last_used_at < $2)
         order by id for no key update skip locked) used
       where k.id = used.id`,
      [ids, clock.now()],
    )
    return ids
  })

  return ({ id, lastUsedAt }) => {
    const now = clock.now().getTime()
    if (now - (notedAt.get(id) ?? lastUsedAt?.getTime() ?? 0) < AT_MOST_EVERY_MS) return
    if (notedAt.size >= REMEMBERED) notedAt.clear()
    notedAt.set(id, now)
    write(id).catch((error) => logger.debug({ err: error, table }, 'the use of a key was not noted'))
  }
}
