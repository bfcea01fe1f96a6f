import type { Context } from 'koa'
import type { Readiness } from '../telemetry/readiness.ts'

/** GET /livez: the process answers. Never depends on a store: restarting us does not mend a database. */
export async function livezEndpoint(ctx: Context): Promise<void> {
  ctx.body = { status: 'alive' }
}

/** GET /readyz: whether to send requests here, and which part is not ready. Answers from memory. */
export function readyzEndpoint(readiness: Readiness) {
  return async (ctx: Context): Promise<void> => {
    const { ready, parts } = readiness.report()
    ctx.status = ready ? 200 : 503
    if (!ready) {
      ctx.set('retry-after', '1')
      ctx.state['reason'] = 'not_ready'
    }
    ctx.body = { status: ready ? 'ready' : 'not ready', parts }
  }
}
