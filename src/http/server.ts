import { randomUUID } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import Koa, { type Middleware } from 'koa'
import type { Clock } from '../clock.ts'
import type { Keyring } from '../keys/keyring.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { notedPrincipals, withRequest } from '../telemetry/request-context.ts'
import type { Admission } from './admission.ts'
import { checkRequest } from './check-request.ts'
import type { ClientAddress } from './client-address.ts'
import type { CrossOrigin } from './cross-origin.ts'
import { entrances } from './entrances.ts'
import { arrivalOf, leavePlace, makeFront } from './front.ts'
import { answerMalformed } from './malformed.ts'
import { plainJwks } from './oauth/plain-jwks.ts'
import { loggedPath } from './request-path.ts'
import type { Endpoints } from './route-table.ts'
import { routes } from './routes.ts'
import { securityHeaders } from './security-headers.ts'
import { sendError } from './send-error.ts'
import { userAgent } from './user-agent.ts'

/** What the door itself needs. */
export interface ServerParts {
  readonly endpoints: Endpoints
  readonly crossOrigin: CrossOrigin
  readonly addressOf: ClientAddress
  readonly keyring: Pick<Keyring, 'jwks'>
  readonly admission: Admission
  readonly isHttps: boolean
  readonly isDraining: () => boolean
  readonly logger: Logger
  readonly metrics: Metrics
  readonly clock: Clock
}

/** Bounds on what a slow or hostile peer can hold. */
const LIMITS = {
  maxHeaderSize: 16_384,
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  /** How often the two timeouts are looked at; Node's half minute would make 45 seconds of the 15. */
  connectionsCheckingInterval: 1000,
  /** Longer than a load balancer keeps an idle connection, so that it never sends a request into one we close. */
  keepAliveTimeout: 65_000,
  /** A missing Host is refused by check-request.ts, with a word about it. */
  requireHostHeader: false,
} as const
/** No byte either way for this long: the peer does not read its answer. */
const SILENCE_MS = 30_000
const MAX_CONNECTIONS = 20_000
/** Asked again and again by balancers and by fleets of resource servers: worth a line only when they do not say "well". */
const ROUTINE = new Set(['/livez', '/readyz', '/.well-known/jwks.json'])
const WELL = new Set([200, 304])

/** The HTTP server. Not yet listening. */
export function makeServer(parts: ServerParts): Server {
  const always = securityHeaders(parts.isHttps)
  const headers = Object.entries(always)
  const app = new Koa()
  app.silent = true
  app.use(observe(parts))
  app.use(async (ctx, next) => {
    // Not by Koa, which looks at each value anew.
    for (const [name, value] of headers) ctx.res.setHeader(name, value)
    try {
      checkRequest(ctx.req)
      await next()
    } catch (error) {
      sendError(ctx, error, parts.logger)
    }
    // What is still to come of the body would have to be read to find the next request; and a process that is
    // about to end sends its clients elsewhere.
    if (!ctx.req.complete || parts.isDraining()) ctx.set('connection', 'close')
  })
  app.use(routes(parts.endpoints, parts.crossOrigin))

  const serve = app.callback()
  const answer = makeFront({
    ...parts,
    serve: async (request, response) => serve(request, response),
    entranceOf: entrances(),
    answerPlainJwks: plainJwks({ ...parts, headers: always }),
    headers: always,
  })
  const server = createServer(LIMITS, answer)
  server.on('checkExpectation', answer)
  const refuse = answerMalformed(parts)
  server.on('clientError', refuse)
  server.on('connect', (_request, socket) => refuse(new Error('CONNECT'), socket))
  server.maxConnections = MAX_CONNECTIONS
  server.timeout = SILENCE_MS
  return server
}

/** Gives each request its id, address and user agent, and writes one line and two metrics when it has been answered. */
function observe({ addressOf, logger, metrics, clock }: ServerParts): Middleware {
  return (ctx, next) => {
    const id = randomUUID()
    const address = addressOf(ctx.req)
    const started = arrivalOf(ctx.req) ?? clock.now().getTime()
    ctx.set('x-request-id', id)

    const stepAside = () => leavePlace(ctx.req)
    return withRequest({ id, address, userAgent: userAgent(ctx.req), stepAside }, async () => {
      await next()
      const milliseconds = clock.now().getTime() - started
      const { route = 'none', reason = 'none', grant } = ctx.state as Record<string, string | undefined>
      metrics.noteAnswer(route, ctx.status, reason, milliseconds / 1000)
      const line = {
        method: ctx.method,
        path: loggedPath(ctx.req),
        status: ctx.status,
        ms: milliseconds,
        address,
        ...notedPrincipals(),
        grant,
      }
      const isRoutine = ROUTINE.has(route) && WELL.has(ctx.status)
      if (isRoutine) logger.debug(line, 'answered')
      else if (reason === 'none') logger.info(line, 'answered')
      else logger.info({ ...line, reason }, 'refused')
    })
  }
}
