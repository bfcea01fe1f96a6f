import type { Redis } from 'ioredis'
import { holdAudit } from '../audit/events.ts'
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

/**
 * Refresh families of standard mode: Redis rotates, Postgres is the record. Redis holds positions only, so whatever it
 * loses is rebuilt from the anchor, and while it does not answer the record itself rotates.
 * @param options.record the same collection on Postgres
 * @param options.anchors takes each new position to Postgres
 */
export function refreshFamiliesRedis(options: {
  redis: Redis
  runScript: RunScript
  record: RefreshFamilies
  anchors: AnchorQueue
  logger: Logger
}): RefreshFamilies {
  const { redis, runScript, record, anchors, logger } = options

  async function rotateInRedis(family: RefreshFamily, request: RotationRequest): Promise<Rotation> {
    const { anchor } = family
    const reply = await runScript(
      'rotate-refresh-family-1',
      keyNames.refreshFamily(family.id),
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
    )
    const [code, generation, predecessor, rotatedAt, keyVersion, lateUsed, rebuilt] = numbers(reply, 7)
    const outcome = OUTCOMES[code as number]
    if (outcome === undefined) throw new Error('unexpected reply of the rotation script')
    const position = toPosition([generation, predecessor, rotatedAt, keyVersion, lateUsed] as PositionNumbers)
    return { outcome, position, rebuilt: rebuilt === 1, degraded: false }
  }

  return {
    begin: record.begin,
    end: record.end,

    async rotate(family, request) {
      if (anchors.isStalled()) throw new Unavailable('postgres', 'it takes no positions')
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
      const stored = await redis
        .hmget(keyNames.refreshFamily(family.id), 'g', 'p', 't', 'k', 'l')
        .catch(() => [null])
      if (stored[0] === null) return record.position(family)
      const position = toPosition(numbers(stored, 5) as PositionNumbers)
      return position.generation >= family.anchor.generation ? position : family.anchor
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

function numbers(reply: unknown, count: number): number[] {
  const values = Array.isArray(reply) ? reply.map(Number) : []
  if (values.length !== count || values.some(Number.isNaN)) throw new Error('unexpected reply of Redis')
  return values
}
