import type { Context } from 'koa'
import type { Standstill } from '../telemetry/standstill.ts'
import { Unavailable } from '../unavailable.ts'

/**
 * Tells, from a request's arrival on, whether nobody may be waiting for its answer any more: the connection was closed
 * from the other side (who closes only its half gets no answer from Node either), or this process has stood still.
 * @throws Unavailable where that is so already
 */
export function staleness({ req: { socket } }: Context, standstill: Standstill): () => boolean {
  const isStale = () => socket.destroyed || socket.readableEnded || standstill.isRecent()
  if (isStale()) throw new Unavailable('request', 'it has waited while this process stood still')
  return isStale
}
