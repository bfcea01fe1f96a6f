import type { Context } from 'koa'
import type { Staleness } from '../grants/grant.ts'
import type { Standstill } from '../telemetry/standstill.ts'
import { Unavailable } from '../unavailable.ts'

/**
 * Tells, from a request's arrival on, whether nobody may be waiting for its answer any more: the connection was closed
 * from the other side (who closes only its half gets no answer from Node either), or this process has stood still.
 * @throws Unavailable where that is so already
 */
export function staleness({ req: { socket } }: Context, standstill: Standstill): Staleness {
  const isStale = () => socket.destroyed || socket.readableEnded || standstill.isRecent()
  if (isStale()) throw new Unavailable('request', 'it has waited while this process stood still')
  return {
    isStale,
    async isStaleAtSecondLook() {
      // What has arrived meanwhile, a hang-up among it, is read in one turn of the event loop and told in the next.
      for (let turns = 2; turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve))
      return isStale()
    },
  }
}
