import type { Queryable } from '../postgres/database.ts'
import type { LiveNode, Nodes } from './nodes.ts'

/**
 * Whether what a node advertised may still be remembered by caches: they keep a set for twice its `max-age` and a minute, a
 * verifier for some minutes more.
 */
export const IS_REMEMBERED =
  "seen_at > clock_timestamp() - greatest(interval '1 day', make_interval(secs => 3 * jwks_max_age_seconds))"

/** The nodes in PostgreSQL. */
export function nodesPostgres(database: Queryable): Nodes {
  return {
    async report({ id, jwksMaxAgeSeconds, sealingKeys, signsWith }) {
      await database.query(
        `with forgotten as (
           delete from nodes where not (${IS_REMEMBERED}) and id <> $1
         )
         insert into nodes (id, seen_at, jwks_max_age_seconds, sealing_keys, signs_with)
         values ($1, clock_timestamp(), $2, $3, $4)
         on conflict (id) do update set seen_at = excluded.seen_at, stopped_at = null,
           jwks_max_age_seconds = excluded.jwks_max_age_seconds, sealing_keys = excluded.sealing_keys,
           signs_with = excluded.signs_with`,
        [id, jwksMaxAgeSeconds, [...sealingKeys], signsWith],
      )
    },

    async stopped(id) {
      await database.query('update nodes set stopped_at = clock_timestamp() where id = $1', [id])
    },

    live: (withinSeconds) =>
      database.query<LiveNode>(
        `select id, seen_at as "seenAt", jwks_max_age_seconds as "jwksMaxAgeSeconds",
           sealing_keys as "sealingKeys", signs_with as "signsWith"
         from nodes
         where stopped_at is null and seen_at > clock_timestamp() - make_interval(secs => $1)
         order by id`,
        [withinSeconds],
      ),
  }
}
