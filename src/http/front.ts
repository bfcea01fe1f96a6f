import { randomInt, randomUUID } from 'node:crypto'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Clock } from '../clock.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Admission, LeavePlace, RequestClass } from './admission.ts'
import type { AnswerPlainJwks } from './oauth/plain-jwks.ts'

/** What is done with the requests of a path before anything else is. */
export interface Entrance {
  readonly kind: RequestClass
  /** Its name in log and metrics. */
  readonly route: string
  /** The body of a refusal, in the manner of the door. */
  readonly refusal: string
}

/** What the front is built from. */
export interface FrontParts {
  readonly admission: Admission
  readonly entranceOf: (path: string) => Entrance | undefined
  readonly answerPlainJwks: AnswerPlainJwks
  /** Answers a request; resolves when it is answered. */
  readonly serve: (request: IncomingMessage, response: ServerResponse) => Promise<void>
  readonly headers: Readonly<Record<string, string>>
  readonly isDraining: () => boolean
  readonly metrics: Metrics
  readonly logger: Logger
  readonly clock: Clock
}

const LEAVE = Symbol('leave')
const ARRIVED = Symbol('arrived')
type Arrived = IncomingMessage & { [LEAVE]?: LeavePlace; [ARRIVED]?: number }
/** Those who are refused together come back apart. */
const RETRY_AFTER_SECONDS = { least: 1, most: 3 }
const LOGGED_EVERY_MS = 1000

/** When a request arrived, which is before it had a place; milliseconds since 1970. */
export function arrivalOf(request: Arrived): number | undefined {
  return request[ARRIVED]
}

/** Gives a request's place back before it is answered: it waits for something that has a queue of its own. */
export function leavePlace(request: Arrived): void {
  request[LEAVE]?.()
}

/**
 * Stands before everything else: requests of a path with an entrance need a place, all others (keys, metadata, health, and
 * what does not exist) are served at once. A refusal costs a header and a line in the metrics: the log has one line a second.
 */
export function makeFront(parts: FrontParts): RequestListener {
  const { admission, entranceOf, serve, answerPlainJwks, metrics } = parts
  const noteRefusal = tallyRefusals(parts)

  return (request: Arrived, response) => {
    if (answerPlainJwks(request, response)) return
    const entrance = entranceOf(pathOf(request.url ?? ''))
    if (entrance === undefined) {
      void serve(request, response)
      return
    }
    request[ARRIVED] = parts.clock.now().getTime()
    const begin = (leave: LeavePlace) => {
      // Whoever has hung up while waiting is owed nothing.
      if (request.socket.destroyed) {
        leave()
        return
      }
      request[LEAVE] = leave
      void serve(request, response).finally(leave)
    }
    // What came together with the header is read by then: the connection can be kept.
    admission.enter(entrance.kind, begin, () => setImmediate(() => refuse(entrance, request, response)))
  }

  function refuse(
    { route, refusal }: Entrance,
    { complete }: IncomingMessage,
    response: ServerResponse,
  ): void {
    metrics.requests.inc({ route, status: 503, reason: 'overloaded' })
    noteRefusal(route)
    response.writeHead(503, {
      ...parts.headers,
      'content-type': 'application/json; charset=utf-8',
      'content-length': String(Buffer.byteLength(refusal)),
      'retry-after': String(randomInt(RETRY_AFTER_SECONDS.least, RETRY_AFTER_SECONDS.most + 1)),
      'x-request-id': randomUUID(),
      ...((parts.isDraining() || !complete) && { connection: 'close' }),
    })
    response.end(refusal)
  }
}

function pathOf(target: string): string {
  const end = target.indexOf('?')
  return end < 0 ? target : target.slice(0, end)
}

/** One line for all that are refused within a second. */
function tallyRefusals({ logger, clock }: Pick<FrontParts, 'logger' | 'clock'>): (route: string) => void {
  let refused: Record<string, number> | undefined
  return (route) => {
    if (refused === undefined) {
      const counts: Record<string, number> = {}
      refused = counts
      void clock.wait(LOGGED_EVERY_MS).then(() => {
        refused = undefined
        logger.warn(
          { refused: counts, reason: 'overloaded' },
          'refused: more requests than can be served in time',
        )
      })
    }
    refused[route] = (refused[route] ?? 0) + 1
  }
}
