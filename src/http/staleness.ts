import type { Context } from 'koa'
import type { Standstill } from '../telemetry/standstill.ts'

/**
 * Tells, from a request's arrival on, whether nobody may be waiting for its answer any more: the connection was closed
 * from the other side (who closes only its half gets no answer from Node either), or the request has waited for this
 * process to go on.
 */
export function staleness({ req: { socket } }: Context, standstill: Standstill): () => boolean {
  const hasWaited = standstill.isRecent()
  return () => hasWaited || socket.destroyed || socket.readableEnded || standstill.isRecent()
}
