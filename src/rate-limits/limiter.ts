import { createHmac } from 'node:crypto'
import type { Clock } from '../clock.ts'
import type { Logger } from '../telemetry/logger.ts'
import { LIMITS, type LimitName } from './limits.ts'
import type { Charge, RateLimits } from './rate-limits.ts'
import { TooManyRequests } from './too-many-requests.ts'

/** Whose units of a limit are used. */
export interface Subject {
  readonly limit: LimitName
  /** In one form only: two spellings would be two subjects. */
  readonly of: string
}

/** Units that were taken. */
export interface Taken {
  /** For a request that turned out to be none of those that are counted. Does not fail. */
  giveBack(): Promise<void>
}

/** What asks the limits. */
export interface Limiter {
  /**
   * Takes a unit of each tier of each limit, or of none.
   * @throws TooManyRequests where one of them has none left; Unavailable where that cannot be known
   */
  take(subjects: readonly Subject[]): Promise<Taken>
}

/** For who has limits of the own before us. */
export const NO_LIMITS: Limiter = { take: async () => ({ giveBack: async () => {} }) }

/**
 * Makes it. What is stored is a mac of the subject: a name that was typed may be a password in the wrong field, and addresses
 * are nobody's business.
 * @param parts.key of its own purpose
 * @param parts.noteRefusal told of each refusal
 */
export function makeLimiter({
  rateLimits,
  key,
  clock,
  logger,
  noteRefusal,
}: {
  rateLimits: RateLimits
  key: () => Promise<Buffer>
  clock: Clock
  logger: Logger
  noteRefusal: (limit: LimitName) => void
}): Limiter {
  return {
    async take(subjects) {
      const secret = await key()
      const asked = subjects.flatMap((subject) => chargesOf(subject, secret))
      const waits = await rateLimits.take(
        asked.map(({ charge }) => charge),
        clock.now(),
      )
      const taken = asked.filter((_, index) => waits[index] === 0).map(({ charge }) => charge)
      const giveBack = async () => {
        if (taken.length === 0) return
        await rateLimits
          .giveBack(taken, clock.now())
          .catch((error) => logger.debug({ err: error }, 'a unit of a limit was not given back'))
      }
      const longest = Math.max(0, ...waits)
      const refusing = asked[waits.indexOf(longest)]
      if (longest === 0 || !refusing) return { giveBack }
      await giveBack()
      noteRefusal(refusing.limit)
      throw new TooManyRequests(refusing.limit, longest)
    },
  }
}

function chargesOf({ limit, of }: Subject, secret: Buffer): { limit: LimitName; charge: Charge }[] {
  return LIMITS[limit].map(({ count, perSeconds }) => {
    const mac = createHmac('sha256', secret).update(`${limit}\n${perSeconds}\n${of}`).digest()
    const intervalMs = (perSeconds * 1000) / count
    return { limit, charge: { key: mac.subarray(0, 16), intervalMs, capacityMs: perSeconds * 1000 } }
  })
}
