import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import type { Context } from 'koa'
import { makeAdmission } from '../../src/http/admission.ts'
import { clientAddress } from '../../src/http/client-address.ts'
import { crossOrigin } from '../../src/http/cross-origin.ts'
import { readForm } from '../../src/http/read-form.ts'
import { type Endpoint, type Endpoints, ROUTES } from '../../src/http/route-table.ts'
import { makeServer } from '../../src/http/server.ts'
import { OAuthError } from '../../src/oauth/errors.ts'
import { makeMetrics } from '../../src/telemetry/metrics.ts'
import { basicAuthorization, startApp } from '../support/app.ts'
import { TestClock } from '../support/clock.ts'
import { type FuzzedRequest, fuzzedRequests, type Recipe } from '../support/fuzz-requests.ts'
import { recordingLogger } from '../support/logger.ts'
import { connectRaw, type RawAnswer, type RawConnection } from '../support/raw-http.ts'
import { afterwards } from '../support/root-hooks.ts'

/** The same every time, unless one looks for more. */
const SEED = Number(process.env['KEYTURN_TEST_FUZZ_SEED'] ?? 20_260_101)
const REQUESTS = Number(process.env['KEYTURN_TEST_FUZZ_REQUESTS'] ?? 5000)
const CONNECTIONS = 8

const DESCRIPTION = /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/
const STACK = /\n\s+at |node_modules|\.ts:\d|Error:/

/** What is wrong with an answer, if anything. */
function problemWith(answer: RawAnswer | undefined, method: string): string | undefined {
  if (!answer) return 'no answer'
  if (answer.status >= 500) return `status ${answer.status}`
  if (STACK.test(answer.body)) return 'a stack trace'
  if (!answer.header('x-request-id') || !answer.header('cache-control')) return 'headers missing'
  if (answer.status < 400 || method === 'HEAD') return undefined
  try {
    const body = JSON.parse(answer.body)
    if (isOfDjango(body)) return undefined
    const { error, error_description: description, ...more } = body
    if (typeof error !== 'string' || !DESCRIPTION.test(description))
      return 'a description with other characters'
    return Object.keys(more).length > 0 ? 'more than an error' : undefined
  } catch {
    return 'an error that is no JSON'
  }
}

/** The shape of Django REST Framework: a detail, perhaps with a code, or sentences about each field. */
function isOfDjango(body: Record<string, unknown>): boolean {
  if (typeof body['detail'] === 'string') return !('error' in body)
  return Object.values(body).every((value) => Array.isArray(value))
}

/** Sends all requests over a few connections that stay open, and says what was wrong with which. */
async function fuzz(origin: string, requests: readonly FuzzedRequest[]) {
  const problems: { problem: string; bytes: string }[] = []
  const statuses = new Map<number | undefined, number>()
  const queue = requests.values()

  async function work(): Promise<void> {
    let connection: RawConnection | undefined
    for (const { method, bytes } of queue) {
      connection ??= await connectRaw(origin)
      connection.write(bytes)
      let answer = await connection.next(method === 'HEAD')
      while (answer && answer.status < 200) answer = await connection.next(method === 'HEAD')
      const problem = problemWith(answer, method)
      if (problem !== undefined) problems.push({ problem, bytes })
      statuses.set(answer?.status, (statuses.get(answer?.status) ?? 0) + 1)
      if (answer?.header('connection') !== 'keep-alive') {
        connection.close()
        connection = undefined
      }
    }
    connection?.close()
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, work))
  return { problems, statuses }
}

describe(`fuzzed requests, seed ${SEED}`, () => {
  it(`S-024 ${REQUESTS} of them: each is answered, none with a 5xx, and nothing is changed or broken`, async () => {
    // Failed logins do not wait, and do not move the time either: in hours the key set would grow too old.
    const still = new TestClock()
    const keyturn = await startApp({ clock: { now: () => still.now(), wait: async () => {} } })
    const client = await keyturn.createClient()
    const browser = await keyturn.createClient({ isPublic: true })
    const resourceServer = await keyturn.createClient({ grants: [], audiences: ['https://api.example.com'] })
    await keyturn.createUser('alice', { email: 'alice@example.com' })
    const tokens = (await keyturn.signIn(client, 'alice')).body
    const ofBrowser = (await keyturn.signIn(browser, 'alice')).body
    await (await keyturn.administration.clients()).enable('django', 'operator')
    const ofDjango = (await keyturn.signIn({ id: 'django' }, 'alice')).body
    const authorization = basicAuthorization(client)
    const known = [
      ...[client.id, client.secret ?? '', browser.id, 'alice', keyturn.password, 'read', 'read write'],
      ...[tokens.access_token, tokens.refresh_token, ofBrowser.access_token, ofBrowser.refresh_token],
      ...['https://api.example.com', 'refresh_token', 'client_credentials', 'password'],
    ]
    const refresh = {
      grant_type: 'refresh_token',
      refresh_token: ofBrowser.refresh_token,
      client_id: browser.id,
    }
    const login = { grant_type: 'password', username: 'alice', password: keyturn.password, scope: 'read' }
    const token = (form: Record<string, string>) => ({
      method: 'POST',
      target: '/oauth/token',
      authorization,
      form,
    })
    const recipes: Recipe[] = [
      token({ grant_type: 'client_credentials', scope: 'read', resource: 'https://api.example.com' }),
      token({ grant_type: 'refresh_token', refresh_token: tokens.refresh_token, scope: 'read' }),
      token(login),
      { ...token(refresh), authorization: undefined },
      ...['/oauth/introspect', '/oauth/revoke'].flatMap((target) => [
        { ...token({ token: ofBrowser.refresh_token }), target },
        { ...token({ token: ofBrowser.access_token, token_type_hint: 'access_token' }), target },
        {
          method: 'POST',
          target,
          form: { token: 'x', client_id: client.id, client_secret: client.secret ?? '' },
        },
      ]),
      {
        ...token({ token: tokens.access_token }),
        target: '/oauth/introspect',
        authorization: basicAuthorization(resourceServer),
      },
      ...ROUTES.filter(({ method, django }) => django && method === 'POST').map(({ path }) => ({
        method: 'POST',
        target: path,
        authorization: `Bearer ${tokens.access_token}`,
        form: {
          username: 'alice',
          password: keyturn.password,
          refresh: ofDjango.refresh_token,
          token: ofDjango.access_token,
        },
      })),
      ...ROUTES.filter(({ method }) => method === 'GET').map(({ method, path }) => ({
        method,
        target: path,
      })),
    ]
    const state = () =>
      keyturn.stores.database.query(
        `select (select json_agg(u.* order by u.id) from (select id, username, email, is_active, password_hash from users) u),
           (select json_agg(c.* order by c.id) from clients c), (select count(*) from client_secrets)`,
      )
    const before = await state()
    const uncaught: unknown[] = []
    const note = (error: unknown) => void uncaught.push(error)
    process.on('uncaughtExceptionMonitor', note)
    process.on('unhandledRejection', note)

    const { problems, statuses } = await fuzz(keyturn.origin, fuzzedRequests(recipes, known, SEED, REQUESTS))

    process.off('uncaughtExceptionMonitor', note)
    process.off('unhandledRejection', note)
    expect(problems.slice(0, 3), `seed ${SEED}`).to.deep.equal([])
    expect(uncaught, `seed ${SEED}`).to.deep.equal([])
    expect(keyturn.logger.lines.filter(({ level }) => level === 'error')).to.deep.equal([])
    expect(await state(), 'no user, client or secret has changed').to.deep.equal(before)
    // The requests must reach further than the first check: some succeed, and each kind of refusal is among them.
    expect([...statuses.keys()]).to.include.members([200, 400, 401, 404, 405, 415])
    const reasons = new Set(keyturn.logger.lines.map(({ fields }) => fields['reason']))
    expect(reasons.size, [...reasons].join(' ')).to.be.greaterThan(25)

    expect((await keyturn.signIn(client, 'alice')).status).to.equal(200)
    expect(
      (await keyturn.post('/oauth/token', { grant_type: 'client_credentials' }, client)).status,
    ).to.equal(200)
    expect((await keyturn.get('/readyz')).status).to.equal(200)
  }).timeout(600_000)

  const broken: [what: string, endpoint: Endpoint, problem: RegExp][] = [
    ['fails on what it did not expect', (ctx) => readForm(ctx).then(failing(ctx)), /^status 500$/],
    [
      'repeats what it was sent',
      (ctx) => readForm(ctx).then(talkative),
      /^a description with other characters$/,
    ],
    ['answers with its own text', (ctx) => readForm(ctx).then(textual(ctx)), /^an error that is no JSON$/],
  ]
  for (const [what, endpoint, problem] of broken) {
    it(`S-024 control: an endpoint that ${what} is found`, async () => {
      const server = makeServer({
        endpoints: { ...EVERYWHERE_OK, token: endpoint, introspect: endpoint, revoke: endpoint },
        crossOrigin: crossOrigin(async () => new Set()),
        keyring: {
          jwks: () => {
            throw new Error('nothing asks for it')
          },
        },
        admission: makeAdmission(new TestClock()),
        addressOf: clientAddress(() => false),
        isHttps: false,
        isDraining: () => false,
        logger: recordingLogger(),
        metrics: makeMetrics(),
        clock: new TestClock(),
      })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      afterwards(async () => {
        server.close()
        server.closeAllConnections()
      })
      const recipe = { method: 'POST', target: '/oauth/token', form: { scope: 'read' } }
      const { port } = server.address() as AddressInfo
      const { problems } = await fuzz(
        `http://127.0.0.1:${port}`,
        fuzzedRequests([recipe], ['read'], SEED, 500),
      )
      expect(
        problems.map((found) => found.problem).filter((found) => problem.test(found)),
      ).not.to.have.length(0)
    })
  }
})

type Form = Awaited<ReturnType<typeof readForm>>

const EVERYWHERE_OK = Object.fromEntries(ROUTES.map(({ endpoint }) => [endpoint, ok])) as unknown as Endpoints

async function ok(ctx: Context): Promise<void> {
  ctx.body = {}
}

/** Takes for granted that a scope is ASCII, as Buffer-to-JSON code might. */
function failing(ctx: Context) {
  return (form: Form) => {
    if (/[^\x20-\x7e]/.test(form.optional('scope') ?? '')) throw new TypeError('not ASCII')
    ctx.body = {}
  }
}

function talkative(form: Form): never {
  throw new OAuthError('invalid_scope', `there is no scope ${form.optional('scope')}`)
}

function textual(ctx: Context) {
  return () => {
    ctx.status = 400
    ctx.body = 'Bad Request'
  }
}
