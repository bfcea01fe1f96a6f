import { createServer } from 'node:http'

/*
 * A Keyturn node whose durations are scaled: `keyturn serve` has no option for that, since nobody should have one. It is
 * copied into a build (test/rotation/deployment.ts) and run there. On a port of its own it does what an operator asks.
 */

const load = (path) => import(new URL(`./src/${path}`, import.meta.url).href)
const { readConfig } = await load('config.js')
const { serve } = await load('serve.js')
const { makeLogger } = await load('telemetry/logger.js')

const { KEYTURN_TEST_SCHEDULE, KEYTURN_TEST_TOKEN_TTL, KEYTURN_TEST_OPERATOR_PORT } = process.env
const config = { ...readConfig(), accessTokenTtlSeconds: Number(KEYTURN_TEST_TOKEN_TTL) }
const schedule = JSON.parse(KEYTURN_TEST_SCHEDULE)
const keyturn = await serve(config, makeLogger(config.logLevel), { schedule })

const operator = createServer(async (request, response) => {
  try {
    const [, action, kid] = String(request.url).split('/')
    const keys = await keyturn.administration.keys()
    const result =
      action === 'revoke'
        ? await keys.revokeKey(kid, 'operator')
        : await keys.rotateKeys({ now: action === 'rotate-now' }, 'operator')
    response.end(JSON.stringify(result ?? null))
  } catch (error) {
    response.writeHead(409).end(String(error?.stack ?? error))
  }
})
operator.listen(Number(KEYTURN_TEST_OPERATOR_PORT), '127.0.0.1')

process.once('SIGTERM', async () => {
  operator.close()
  process.exit((await keyturn.stop()) ? 0 : 1)
})
