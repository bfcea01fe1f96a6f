import { recordAudit } from '../audit/audit-postgres.ts'
import type { Database, Queryable } from '../postgres/database.ts'
import { endSessionWithoutFamilies, insertSession, KEEP_SESSION } from '../sessions/session-parts-postgres.ts'
import { Unavailable } from '../unavailable.ts'
import type { RefreshFamilies, RefreshFamily, RotationRequest } from './refresh-families.ts'
import { type PositionRow, toPosition } from './refresh-family-row.ts'
import { type Position, rotate } from './rotation.ts'
import { rotationAudit } from './rotation-audit.ts'

/** Each lost race means that another request moved the family; more than this many in a row is not a race. */
const ATTEMPTS = 16

/**
 * Refresh families on PostgreSQL alone: the record is also where they rotate, by compare-and-set. This is the store of
 * the embedded and small modes, and what standard mode falls back on while Redis is down.
 */
export function refreshFamiliesPostgres(database: Database): RefreshFamilies {
  return {
    async begin(session) {
      try {
        return await database.transaction(async (transaction) => {
          if (!(await insertSession(transaction, session))) return false
          if (session.family) await insertFamily(transaction, session.family)
          return true
        })
      } catch (error) {
        if (error instanceof BegunAlready) return true
        throw error
      }
    },

    async rotate(family, request) {
      let from = family.anchor
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const { outcome, position } = rotate(
          from,
          request.presented,
          request.now,
          request.keyVersion,
          request.rules,
        )
        const step = { outcome, position, rebuilt: false, degraded: false }
        if (position === from || (await compareAndSet(database, family, from, step, request))) return step
        const [row] = await database.query<PositionRow & { ended_at: Date | null }>(
          `select generation, predecessor, rotated_at, key_version, late_used, ended_at
           from refresh_families where id = $1`,
          [family.id],
        )
        if (!row || row.ended_at !== null) return { ...step, outcome: 'ended', position: from }
        from = toPosition(row)
      }
      throw new Unavailable('postgres', 'the refresh family keeps moving')
    },

    position: async (family) => family.anchor,

    end: (family, reason, actor, now) =>
      database.transaction(async (transaction) => {
        const ended = await transaction.query(
          'update refresh_families set ended_at = $2, end_reason = $3 where id = $1 and ended_at is null returning id',
          [family.id, now, reason],
        )
        if (ended.length === 0) return
        const { sessionId } = family
        const sessionEnded = await endSessionWithoutFamilies(transaction, sessionId, reason, now)
        const event =
          reason === 'reuse' || reason === 'future' ? (`family.${reason}` as const) : 'family.ended'
        await recordAudit(transaction, {
          event,
          actor,
          userId: family.userId,
          clientId: family.clientId,
          details: { session: sessionId, sessionEnded, family: family.id.toString('base64url'), reason },
        })
      }),

    flush: async () => {},
  }
}

/** Takes the transaction back: the family is there, with a session of its own. */
class BegunAlready extends Error {}

/** Created now by the database's clock, as its session is: what client and operator cut off is told by that. */
async function insertFamily(transaction: Queryable, family: RefreshFamily): Promise<void> {
  const { anchor } = family
  const added = await transaction.query(
    `insert into refresh_families (id, session_id, user_id, client_id, scope, audience, salt, created_at,
       absolute_expires_at, idle_expires_at, generation, predecessor, rotated_at, key_version, late_used)
     values ($1, $2, $3, $4, $5, $6, $7, now(), $8, $9, $10, $11, $12, $13, $14)
     on conflict (id) do nothing returning id`,
    [
      family.id,
      family.sessionId,
      family.userId,
      family.clientId,
      family.scope,
      family.audience,
      family.salt,
      family.absoluteExpiresAt,
      family.idleExpiresAt,
      anchor.generation,
      anchor.predecessor,
      anchor.rotatedAt,
      anchor.keyVersion,
      anchor.lateUsed,
    ],
  )
  if (added.length === 0) throw new BegunAlready()
}

/** Moves the family if it still stands where it was read and has not ended. One statement; two where it is audited. */
async function compareAndSet(
  database: Database,
  family: RefreshFamily,
  from: Position,
  step: { outcome: Parameters<typeof rotationAudit>[1]; position: Position },
  request: RotationRequest,
): Promise<boolean> {
  const event = rotationAudit(family, step.outcome, step.position)
  const move = async (queryable: Queryable) => {
    const { position } = step
    const moved = await queryable.query(
      `with moved as (
         update refresh_families set generation = $2, predecessor = $3, rotated_at = $4, key_version = $5,
           late_used = $6, idle_expires_at = $7
         where id = $1 and generation = $8 and predecessor = $9 and late_used = $10 and ended_at is null
         returning session_id, idle_expires_at
       ), ${KEEP_SESSION}
       select session_id from moved`,
      [
        family.id,
        position.generation,
        position.predecessor,
        position.rotatedAt,
        position.keyVersion,
        position.lateUsed,
        request.idleExpiresAt,
        from.generation,
        from.predecessor,
        from.lateUsed,
      ],
    )
    return moved.length > 0
  }
  if (event === undefined) return move(database)
  return database.transaction(async (transaction) => {
    const moved = await move(transaction)
    if (moved) await recordAudit(transaction, event)
    return moved
  })
}
