import { recordAudits } from '../audit/audit-postgres.ts'
import type { Database, Queryable } from '../postgres/database.ts'
import { KEEP_SESSION } from '../sessions/session-parts-postgres.ts'
import type { Anchor } from './anchors.ts'

/**
 * Writes where families stand into the record: one statement for all of them, never lowering a generation. A row that
 * somebody else holds is left out, so that one stuck transaction holds up no other family; those are returned. Events
 * worth an audit row are written with it, before any family is locked.
 */
export function writeAnchors(database: Database): (anchors: readonly Anchor[]) => Promise<readonly Anchor[]> {
  return async (anchors) => {
    const audited = anchors.flatMap(({ audit }) => audit ?? [])
    if (audited.length === 0) return raise(database, anchors)
    const left = await database.transaction(async (transaction) => {
      await recordAudits(transaction, audited)
      return raise(transaction, anchors)
    })
    // Their rows are written: what is tried again is the position alone.
    return left.map((anchor) => ({ ...anchor, audit: undefined }))
  }
}

async function raise(queryable: Queryable, anchors: readonly Anchor[]): Promise<readonly Anchor[]> {
  const positions = anchors.map(({ position }) => position)
  const held = await queryable.query<{ id: Buffer }>(
    `with reached as (
       select distinct on (id) *
       from unnest($1::bytea[], $2::int[], $3::int[], $4::timestamptz[], $5::int[], $6::bool[], $7::timestamptz[])
         as r (id, generation, predecessor, rotated_at, key_version, late_used, idle_expires_at)
       order by id, generation desc
     ), locked as (
       select f.id from refresh_families f join reached r on r.id = f.id
       where f.generation < r.generation order by f.id for no key update of f skip locked
     ), moved as (
       update refresh_families f set generation = r.generation, predecessor = r.predecessor,
         rotated_at = r.rotated_at, key_version = r.key_version, late_used = r.late_used,
         idle_expires_at = greatest(f.idle_expires_at, r.idle_expires_at)
       from reached r, locked l where f.id = l.id and r.id = f.id and f.generation < r.generation
       returning f.session_id, f.idle_expires_at
     ), ${KEEP_SESSION}
     select f.id from refresh_families f join reached r on r.id = f.id
     where f.generation < r.generation and not exists (select from locked l where l.id = f.id)`,
    [
      anchors.map(({ family }) => family.id),
      positions.map(({ generation }) => generation),
      positions.map(({ predecessor }) => predecessor),
      positions.map(({ rotatedAt }) => rotatedAt),
      positions.map(({ keyVersion }) => keyVersion),
      positions.map(({ lateUsed }) => lateUsed),
      anchors.map(({ idleExpiresAt }) => idleExpiresAt),
    ],
  )
  return anchors.filter(({ family }) => held.some(({ id }) => id.equals(family.id)))
}
