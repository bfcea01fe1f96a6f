import { once } from 'node:events'
import { request as httpRequest, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import { type Admission, type Bounds, makeAdmission } from '../../src/http/admission.ts'
import { clientAddress } from '../../src/http/client-address.ts'
import { crossOrigin } from '../../src/http/cross-origin.ts'
import { type Endpoint, type Endpoints, ROUTES } from '../../src/http/route-table.ts'
import { makeServer } from '../../src/http/server.ts'
import type { Hasher } from '../../src/passwords/hasher.ts'
import { makeMetrics } from '../../src/telemetry/metrics.ts'
import { startApp } from '../support/app.ts'
import { TestClock } from '../support/clock.ts'
import { type RecordingLogger, recordingLogger } from '../support/logger.ts'
import { connectRaw, FORM, request } from '../support/raw-http.ts'
import { afterwards } from '../support/root-hooks.ts'
import { until } from '../support/until.ts'

const SMALL: Bounds = { serving: 2, waiting: 1 }
const JWKS = { body: Buffer.from('{"keys":[]}'), etag: '"e"', cacheControl: 'public, max-age=300' }

describe('a server that is flooded', () => {
  let origin: string
  let admission: Admission
  let clock: TestClock
  let logger: RecordingLogger
  let metrics: ReturnType<typeof makeMetrics>
  /** How many requests have reached the endpoint. */
  let begun: number
  let finish: () => void
  let server: Server

  beforeEach(async () => {
    begun = 0
    const held = new Promise<void>((resolve) => {
      finish = resolve
    })
    const slow: Endpoint = async (ctx) => {
      begun++
      await held
      ctx.body = {}
    }
    const quick: Endpoint = async (ctx) => {
      ctx.body = {}
    }
    const endpoints = Object.fromEntries(
      ROUTES.map(({ endpoint }) => [endpoint, quick]),
    ) as unknown as Endpoints
    clock = new TestClock()
    admission = makeAdmission(clock, { token: SMALL, login: SMALL, introspection: SMALL, account: SMALL })
    logger = recordingLogger()
    metrics = makeMetrics()
    server = makeServer({
      endpoints: { ...endpoints, token: slow, djangoTokenRefresh: slow },
      crossOrigin: crossOrigin(async () => new Set()),
      keyring: { jwks: () => JWKS },
      admission,
      addressOf: clientAddress(() => false),
      isHttps: false,
      isDraining: () => false,
      ...{ logger, metrics, clock },
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    afterwards(async () => {
      finish()
      server.close()
      server.closeAllConnections()
    })
  })

  const post = (path: string) =>
    fetch(origin + path, { method: 'POST', body: new URLSearchParams({ a: 'b' }) })

  async function flood(): Promise<Promise<Response>[]> {
    const two = [post('/oauth/token'), post('/oauth/token')]
    await until(() => begun === 2)
    const third = post('/oauth/token')
    await until(() => admission.waiting() === 1)
    return [...two, third]
  }

  async function metricsText(): Promise<string> {
    return metrics.registry.metrics()
  }

  it('F-402 says 503 and when to come back, in the manner of each door, and keeps the connection', async () => {
    const accepted = await flood()
    const connection = await connectRaw(origin)
    for (let times = 0; times < 2; times++) {
      connection.write(request('POST /oauth/token', [FORM], 'a=b'))
      expect((await connection.next())?.status, 'on one connection').to.equal(503)
    }
    const oauth = await post('/oauth/token')
    expect(oauth.status).to.equal(503)
    expect(Number(oauth.headers.get('retry-after'))).to.be.within(1, 3)
    expect(oauth.headers.get('cache-control')).to.equal('no-store')
    expect(oauth.headers.get('connection')).not.to.equal('close')
    expect(await oauth.json()).to.include({ error: 'temporarily_unavailable' })
    const django = await post('/api/token/refresh')
    expect([django.status, await django.json()]).to.deep.equal([
      503,
      { detail: 'Service temporarily unavailable, try again later.' },
    ])
    finish()
    expect((await Promise.all(accepted)).map(({ status }) => status)).to.deep.equal([200, 200, 200])
    expect((await post('/oauth/token')).status, 'afterwards').to.equal(200)
  })

  it('F-402 always serves keys, metadata and health, and other classes', async () => {
    const accepted = await flood()
    for (const path of ['/.well-known/jwks.json', '/.well-known/openid-configuration', '/livez', '/readyz']) {
      expect((await fetch(origin + path)).status, path).to.equal(200)
    }
    expect((await post('/oauth/introspect')).status).to.equal(200)
    finish()
    await Promise.all(accepted)
  })

  it('counts each refusal, and says so once a second', async () => {
    const accepted = await flood()
    for (let times = 0; times < 5; times++) expect((await post('/oauth/token')).status).to.equal(503)
    expect(await metricsText()).to.match(
      /keyturn_http_requests_total\{route="\/oauth\/token",status="503",reason="overloaded"\} 5/,
    )
    const lines = () => logger.lines.filter(({ fields }) => fields['reason'] === 'overloaded')
    expect(lines()).to.deep.equal([])
    clock.advance(1000)
    await until(() => lines().length > 0)
    expect(lines()).to.have.length(1)
    expect(lines()[0]?.fields).to.deep.include({ refused: { '/oauth/token': 5 } })
    finish()
    await Promise.all(accepted)
  })

  it('does nothing for who has hung up while waiting', async () => {
    const two = [post('/oauth/token'), post('/oauth/token')]
    await until(() => begun === 2)
    const gone = httpRequest(`${origin}/oauth/token`, { method: 'POST' })
    const closed = new Promise((resolve) => gone.on('close', resolve))
    gone.on('error', () => {})
    gone.end('a=b')
    await once(gone, 'finish')
    await until(() => admission.waiting() === 1)
    gone.destroy()
    await closed
    // The server has read that, too.
    await new Promise((resolve) => server.getConnections((_error, count) => resolve(count)))
    finish()
    await Promise.all(two)
    await until(() => admission.waiting() === 0)
    expect(begun).to.equal(2)
  })
})

describe('a login flood', () => {
  it('F-401 leaves the token endpoint its places: who waits for a hash has none', async () => {
    let waiting = 0
    let release = () => {}
    const released = new Promise<void>((resolve) => {
      release = resolve
    })
    const hasher: Hasher = {
      hash: async () => 'none',
      verify: async () => {
        waiting++
        await released
        return { outcome: 'mismatch' }
      },
      stats: () => ({ running: waiting, queued: 0, done: 0, shed: 0 }),
      close: async () => {},
    }
    const keyturn = await startApp({ hasher })
    const client = await keyturn.createClient()
    // More than all the places of the class.
    const logins = Array.from({ length: 150 }, () => keyturn.signIn(client, 'alice'))
    await until(() => waiting === 150)
    const { status } = await keyturn.post('/oauth/token', { grant_type: 'client_credentials' }, client)
    release()
    expect(status).to.equal(200)
    expect(new Set((await Promise.all(logins)).map((answer) => answer.status))).to.deep.equal(new Set([400]))
  })
})
