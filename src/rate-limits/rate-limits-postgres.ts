import type { Database } from '../postgres/database.ts'
import type { Charge, RateLimits } from './rate-limits.ts'

/**
 * $1 keys, $2 intervals and $3 capacities in milliseconds, $4 now. In the order of the keys, so that two requests that charge
 * the same ones wait for each other instead of both. With each goes what two others have long had back (docs/adr/0008-state.md).
 */
const TAKE = `
  with asked as (
    select * from unnest($1::bytea[], $2::float8[], $3::float8[]) as a (key, interval_ms, capacity_ms)
  ), before as (
    select r.key, r.full_at from rate_limits r join asked using (key)
  ), gone as (
    delete from rate_limits where key in (
      select key from rate_limits where full_at < $4::timestamptz and not key = any($1::bytea[])
      order by full_at limit 2 for update skip locked)
  ), taken as (
    insert into rate_limits as r (key, full_at)
    select key, $4::timestamptz + interval_ms * interval '1 ms' from asked order by key
    on conflict (key) do update
      set full_at = greatest(r.full_at, $4::timestamptz) + (excluded.full_at - $4::timestamptz)
      where greatest(r.full_at, $4::timestamptz) + (excluded.full_at - $4::timestamptz)
        <= $4::timestamptz + (select capacity_ms from asked a where a.key = r.key) * interval '1 ms'
    returning r.key
  )
  select asked.key, taken.key is not null as taken, extract(epoch from before.full_at - $4::timestamptz) * 1000 as used_ms
  from asked left join taken using (key) left join before using (key)`

const GIVE_BACK = `
  update rate_limits r set full_at = r.full_at - a.interval_ms * interval '1 ms'
  from (select * from unnest($1::bytea[], $2::float8[]) as a (key, interval_ms) order by key) a
  where r.key = a.key and r.full_at > $3`

/** Limits in PostgreSQL, for modes without Redis and for when it is away. */
export function rateLimitsPostgres(database: Database): RateLimits {
  return {
    async take(charges, now) {
      const rows = await database.query<{ key: Buffer; taken: boolean; used_ms: string | null }>(TAKE, [
        charges.map(({ key }) => key),
        charges.map(({ intervalMs }) => intervalMs),
        charges.map(({ capacityMs }) => capacityMs),
        now,
      ])
      const found = new Map(rows.map((row) => [row.key.toString('hex'), row]))
      return charges.map((charge) => {
        const row = found.get(charge.key.toString('hex'))
        return row?.taken ? 0 : waitOf(charge, Number(row?.used_ms ?? 0))
      })
    },

    async giveBack(charges, now) {
      await database.query(GIVE_BACK, [
        charges.map(({ key }) => key),
        charges.map(({ intervalMs }) => intervalMs),
        now,
      ])
    },
  }
}

/** @param usedMs as it stood before; whoever was there at the same moment may have used more */
function waitOf({ intervalMs, capacityMs }: Charge, usedMs: number): number {
  return Math.max(1, usedMs + intervalMs - capacityMs)
}
