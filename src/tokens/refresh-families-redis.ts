import { holdAudit } from '../audit/events.ts'
import type { RedisConnection } from '../redis/connection.ts'
import { type GuardedCalls, guardedCalls } from '../redis/guarded-calls.ts'
import { keyNames } from '../redis/key-names.ts'
import type { RunScript } from '../redis/scripts.ts'
import type { Logger } from '../telemetry/logger.ts'
import { Unavailable } from '../unavailable.ts'
import type { AnchorQueue } from './anchors.ts'
import type { RefreshFamilies, RefreshFamily, Rotation, RotationRequest } from './refresh-families.ts'
import { LATE_WINDOW_SECONDS, type Position, ROLL_FORWARD_LIMIT, type RotationOutcome } from './rotation.ts'
import { rotationAudit } from './rotation-audit.ts'

/** The codes of rotate-refresh-family-1.lua. */
const OUTCOMES: Readonly<Record<number, RotationOutcome>> = {
  1: 'rotated',
  2: 'retry',
  3: 'late_retry',
  4: 'roll_forward',
  5: 'reuse',
  6: 'future',
}

/** The script found something that it cannot have written. */
const DAMAGED = 2
/** The columns of the record, and of the token: what is larger was not written by us. */
const LARGEST = 2 ** 31 - 1

/**
 * Refresh families of standard mode: Redis rotates, Postgres is the record. Redis holds positions only, so whatever it
 * loses is rebuilt from the anchor, and while it does not answer the record itself rotates.
 * @param options.record the same collection on Postgres
 * @param options.calls guards what is asked of Redis; given where somebody else wants to know how Redis is
 * @param options.anchors takes each new position to Postgres
 */
export function refreshFamiliesRedis(options: {
  redis: RedisConnection
  runScript: RunScript
  calls?: GuardedCalls | undefined
  record: RefreshFamilies
  anchors: AnchorQueue
  logger: Logger
}): RefreshFamilies {
  const { redis, runScript, record, anchors, logger } = options
  const calls = options.calls ?? guardedCalls(redis, logger)

  async function rotateInRedis(family: RefreshFamily, request: RotationRequest): Promise<Rotation> {
    const { anchor } = family
    const key = keyNames.refreshFamily(family.id)
    const reply = await calls.run(key, () =>
      runScript(
        'rotate-refresh-family-1',
        key,
        request.presented,
        request.now.getTime(),
        request.rules.retryWindowSeconds * 1000,
        request.rules.latePolicy === 'supersede' ? LATE_WINDOW_SECONDS * 1000 : 0,
        ROLL_FORWARD_LIMIT,
        request.keyVersion,
        Math.max(request.idleExpiresAt.getTime() - request.now.getTime(), 1000),
        anchor.generation,
        anchor.predecessor,
        anchor.rotatedAt.getTime(),
        anchor.keyVersion,
        anchor.lateUsed ? 1 : 0,
      ),
    )
    const [code, generation, predecessor, rotatedAt, keyVersion, lateUsed, rebuilt] = numbers(reply, 7)
    const outcome = OUTCOMES[code as number]
    if (outcome === undefined) throw new Error('unexpected reply of the rotation script')
    const position = toPosition([generation, predecessor, rotatedAt, keyVersion, lateUsed] as PositionNumbers)
    if (rebuilt === DAMAGED) {
      logger.warn(
        { family: family.id.toString('base64url') },
        'redis held a damaged family: rebuilt from postgres',
      )
    }
    return { outcome, position, rebuilt: rebuilt !== 0, degraded: false }
  }

  return {
    begin: record.begin,

    async end(family, reason, actor, now) {
      await record.end(family, reason, actor, now)
      // Nobody asks for it again: the record refuses before Redis is looked at. Left behind, it goes by itself.
      const key = keyNames.refreshFamily(family.id)
      calls.run(key, () => redis.unlink(key)).catch(() => {})
    },

    async rotate(family, request) {
      if (anchors.isStalled(family.id)) throw new Unavailable('postgres', 'it takes no positions')
      let rotation: Rotation
      try {
        rotation = await rotateInRedis(family, request)
      } catch (error) {
        // The script may have run although its answer is lost. Running the same step on the record is safe: the
        // successor is derived, so both stores arrive at the same token.
        logger.debug({ err: error }, 'rotating on postgres')
        return { ...(await record.rotate(family, request)), degraded: true }
      }
      const { outcome, position } = rotation
      if (outcome === 'rotated' || outcome === 'late_retry' || outcome === 'roll_forward') {
        const event = rotationAudit(family, outcome, position)
        const audit = event && holdAudit(event)
        anchors.add({ family, position, idleExpiresAt: request.idleExpiresAt, audit })
      }
      return rotation
    },

    async position(family) {
      const key = keyNames.refreshFamily(family.id)
      const stored = await calls.run(key, () => redis.hmget(key, 'g', 'p', 't', 'k', 'l')).catch(() => [])
      const position = soundPosition(stored)
      if (position === undefined || position.generation < family.anchor.generation)
        return record.position(family)
      return position
    },

    flush: anchors.flush,
  }
}

type PositionNumbers = [
  generation: number,
  predecessor: number,
  rotatedAt: number,
  keyVersion: number,
  late: number,
]

function toPosition([generation, predecessor, rotatedAt, keyVersion, late]: PositionNumbers): Position {
  return { generation, predecessor, rotatedAt: new Date(rotatedAt), keyVersion, lateUsed: late === 1 }
}

/** What Redis holds of a family, or undefined where that is nothing, or nothing that the script can have written. */
function soundPosition(stored: readonly (string | null)[]): Position | undefined {
  if (stored.length !== 5 || !stored.every((text) => text !== null && /^\d{1,16}$/.test(text)))
    return undefined
  const fields = stored.map(Number) as PositionNumbers
  const [generation, predecessor, , keyVersion] = fields
  if (generation > LARGEST || predecessor >= generation || keyVersion > LARGEST) return undefined
  return toPosition(fields)
}

function numbers(reply: unknown, count: number): number[] {
  const values = Array.isArray(reply) ? reply.map(Number) : []
  if (values.length !== count || values.some(Number.isNaN)) throw new Error('unexpected reply of Redis')
  return values
}
