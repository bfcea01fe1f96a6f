import { randomUUID } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import Koa, { type Context, type Middleware } from 'koa'
import type { Clock } from '../clock.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { withRequest } from '../telemetry/request-context.ts'
import type { ClientAddress } from './client-address.ts'
import { type Endpoints, routes } from './routes.ts'
import { sendError } from './send-error.ts'

/** What the door itself needs. */
export interface ServerParts {
  readonly endpoints: Endpoints
  readonly addressOf: ClientAddress
  readonly isHttps: boolean
  readonly logger: Logger
  readonly metrics: Metrics
  readonly clock: Clock
}

const SECURITY_HEADERS = {
  'cache-control': 'no-store',
  pragma: 'no-cache',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
} as const
const HSTS = { 'strict-transport-security': 'max-age=31536000; includeSubDomains' } as const

/** The HTTP server, with bounds on everything a slow or hostile peer can hold. Not yet listening. */
export function makeServer(parts: ServerParts): Server {
  const app = new Koa()
  app.silent = true
  app.use(observe(parts))
  app.use(async (ctx, next) => {
    ctx.set({ ...SECURITY_HEADERS, ...(parts.isHttps && HSTS) })
    await next().catch((error: unknown) => sendError(ctx, error, parts.logger))
  })
  app.use(routes(parts.endpoints))

  const server = createServer(
    { headersTimeout: 10_000, requestTimeout: 15_000, keepAliveTimeout: 65_000, maxHeaderSize: 16_384 },
    app.callback(),
  )
  server.maxHeadersCount = 100
  server.maxConnections = 20_000
  return server
}

/** Gives each request its id and address, and writes one line and two metrics when it has been answered. */
function observe({ addressOf, logger, metrics, clock }: ServerParts): Middleware {
  return (ctx, next) => {
    const id = randomUUID()
    const address = addressOf(ctx.req)
    const started = clock.now().getTime()
    ctx.set('x-request-id', id)

    return withRequest({ id, address }, async () => {
      await next()
      const milliseconds = clock.now().getTime() - started
      const {
        route = 'none',
        reason = 'none',
        client,
        grant,
      } = ctx.state as Record<string, string | undefined>
      metrics.requests.inc({ route, status: ctx.status, reason })
      metrics.seconds.observe({ route }, milliseconds / 1000)
      const line = {
        method: ctx.method,
        path: pathOf(ctx),
        status: ctx.status,
        ms: milliseconds,
        address,
        client,
        grant,
      }
      if (reason === 'none') logger.info(line, 'answered')
      else logger.info({ ...line, reason }, 'refused')
    })
  }
}

/** The path for the log: without the query, which may hold secrets that do not belong there, and bounded. */
function pathOf(ctx: Context): string {
  return ctx.path.slice(0, 200)
}
