import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import {
  BearerError,
  createIntrospection,
  createVerifier,
  type IntrospectionOptions,
} from '../../src/resource/index.ts'
import { AUDIENCE, accessTokenOf, startIssuer } from '../examples/issuer.ts'
import { TestClock } from '../support/clock.ts'
import { afterwards } from '../support/root-hooks.ts'
import { until } from '../support/until.ts'
import { BUSY_MACHINE_MS, outcome, startKeyServer } from './key-server.ts'

type Answer = (body: string, request: IncomingMessage, response: ServerResponse) => void

const says =
  (body: unknown, status = 200): Answer =>
  (_, __, response) =>
    void response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body))

/** An introspection endpoint over real HTTP. */
async function startEndpoint(options: Partial<IntrospectionOptions> = {}) {
  const asked: { body: string; request: IncomingMessage }[] = []
  const endpoint = { asked, answer: says({ active: true }) as Answer, clock: new TestClock() }
  const http = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    asked.push({ body, request })
    endpoint.answer(body, request, response)
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  afterwards(async () => {
    http.close()
    http.closeAllConnections()
  })
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/oauth/introspect`
  const introspection = createIntrospection({
    endpoint: url,
    clientId: 'api',
    clientSecret: 's e:c/r%t',
    clock: endpoint.clock,
    timeoutMs: BUSY_MACHINE_MS,
    ...options,
  })
  return Object.assign(endpoint, { introspection })
}

describe('the introspection of keyturn/resource', () => {
  it('refuses a token at once when its session has ended, where the signature alone would let it in', async () => {
    const running = await startIssuer()
    const details = { grants: [], isFirstParty: false, audiences: [AUDIENCE] }
    const { id: clientId, secret: clientSecret = '' } = await running.app.createClient(details)
    const [issuer, audience] = [running.url, AUDIENCE]
    const endpoint = `${running.app.origin}/oauth/introspect`
    const introspection = createIntrospection({ endpoint, clientId, clientSecret })
    const verifier = createVerifier({ issuer, audience, introspection })
    const { body } = await running.app.signIn(running.client, 'alice')
    const token = accessTokenOf(body)
    expect((await verifier.verify(token)).username).to.equal('alice')

    await running.app.post('/oauth/revoke', { token: body.refresh_token }, running.client)
    expect(await outcome(verifier.verify(token))).to.equal('invalid_token: not_active')
    expect(await outcome(createVerifier({ issuer, audience }).verify(token))).to.equal('good')
  })

  it('asks about good tokens only, and after the scope', async () => {
    const endpoint = await startEndpoint()
    const server = await startKeyServer()
    const key = await server.makeKey()
    server.keys = [key.jwk]
    const verifier = server.verifier({ introspection: endpoint.introspection })
    expect(await outcome(verifier.verify(await key.token({ aud: 'x' })))).to.equal('invalid_token: claim_aud')
    expect(await outcome(verifier.verify(await key.token(), { scope: 'admin' }))).to.match(
      /^insufficient_scope/,
    )
    expect(endpoint.asked).to.have.length(0)
    expect(await outcome(verifier.verify(await key.token(), { scope: 'read' }))).to.equal('good')
    expect(endpoint.asked).to.have.length(1)
    endpoint.answer = says({ active: false })
    expect(await outcome(verifier.verify(await key.token()))).to.equal('invalid_token: not_active')
  })

  it('sends the token as a form, with the client’s credentials encoded (RFC 6749 §2.3.1)', async () => {
    const { introspection, asked } = await startEndpoint()
    expect(await introspection.isActive('a+b/c=')).to.equal(true)
    const [{ body = '', request } = {}] = asked
    expect(body).to.equal('token=a%2Bb%2Fc%3D&token_type_hint=access_token')
    expect(request?.method).to.equal('POST')
    expect(request?.headers['content-type']).to.equal('application/x-www-form-urlencoded')
    const basic = Buffer.from(request?.headers.authorization?.slice('Basic '.length) ?? '', 'base64')
    expect(basic.toString()).to.equal('api:s+e%3Ac%2Fr%25t')
  })

  const UNKNOWN: Readonly<Record<string, Answer>> = {
    'the endpoint is down': (_, request) => void request.socket.destroy(),
    'it answers 503': says({ active: false }, 503),
    'it does not know us': says({ error: 'invalid_client' }, 401),
    'it answers no JSON': says('<html>'),
    'it answers null': says('null'),
    'it does not say': says({}),
    'it says so as text': says({ active: 'true' }),
    'it answers too much': says({ active: true, x: 'x'.repeat(70_000) }),
    'it redirects': (_, __, response) => void response.writeHead(307, { location: '/other' }).end(),
    'it hangs': () => {},
  }
  for (const [what, answer] of Object.entries(UNKNOWN)) {
    it(`answers 503, never 401, when ${what}`, async () => {
      const endpoint = await startEndpoint({ timeoutMs: 100, cacheSeconds: 60 })
      endpoint.answer = answer
      const error = await endpoint.introspection.isActive('t').catch((thrown: unknown) => thrown)
      if (!(error instanceof BearerError)) throw new Error('somebody knew')
      expect(error.status).to.equal(503)
      expect(error.headers['retry-after']).to.equal('1')
      // And it is not remembered.
      const asked = endpoint.asked.length
      endpoint.answer = says({ active: true })
      await endpoint.introspection.isActive('t').catch(() => {})
      await until(() => endpoint.asked.length === asked + 1)
    })
  }

  it('asks once at a time for one token; who comes meanwhile shares the next question, not an old answer', async () => {
    const endpoint = await startEndpoint()
    const { introspection, asked } = endpoint
    const held: ServerResponse[] = []
    endpoint.answer = (_, __, response) => void held.push(response)
    const first = [introspection.isActive('t')]
    await until(() => held.length === 1)
    // The token is revoked while the first answer, which says that it is active, is on its way.
    const later = Array.from({ length: 100 }, () => introspection.isActive('t'))
    const other = introspection.isActive('another')
    await until(() => held.length === 2)
    held[0]?.end('{"active":true}')
    held[1]?.end('{"active":true}')
    await until(() => held.length === 3)
    const last = introspection.isActive('t')
    held[2]?.end('{"active":false}')
    await until(() => held.length === 4)
    held[3]?.end('{"active":false}')
    expect(await Promise.all(first)).to.deep.equal([true])
    expect(new Set(await Promise.all(later))).to.deep.equal(new Set([false]))
    expect([await other, await last]).to.deep.equal([true, false])
    expect(asked).to.have.length(4)
  })

  it('asks the next question though the one before it failed', async () => {
    const endpoint = await startEndpoint()
    const held: ServerResponse[] = []
    endpoint.answer = (_, __, response) => void held.push(response)
    const first = outcome(endpoint.introspection.isActive('t'))
    await until(() => held.length === 1)
    const later = outcome(endpoint.introspection.isActive('t'))
    endpoint.answer = says({ active: true })
    held[0]?.socket?.destroy()
    expect([await first, await later]).to.deep.equal(['unavailable: not_introspected', 'good'])
  })

  it('keeps no answer unless told to', async () => {
    const { introspection, asked } = await startEndpoint()
    for (let n = 1; n <= 3; n++) {
      await introspection.isActive('t')
      expect(asked).to.have.length(n)
    }
  })

  it('keeps an answer for as long as it is told to, good and bad ones, and a bounded number', async () => {
    const endpoint = await startEndpoint({ cacheSeconds: 5 })
    const { introspection, asked, clock } = endpoint
    await introspection.isActive('good')
    endpoint.answer = says({ active: false })
    expect(await introspection.isActive('bad')).to.equal(false)
    clock.advance(4999)
    expect([await introspection.isActive('good'), await introspection.isActive('bad')]).to.deep.equal([
      true,
      false,
    ])
    expect(asked).to.have.length(2)
    clock.advance(1)
    expect(await introspection.isActive('good')).to.equal(false)
    expect(asked).to.have.length(3)
    await Promise.all(Array.from({ length: 1000 }, (_, n) => introspection.isActive(`t${n}`)))
    await introspection.isActive('good')
    expect(asked).to.have.length(1004)
    await introspection.isActive('t999')
    expect(asked).to.have.length(1004)
  })

  const WRONG: Readonly<Record<string, object>> = {
    'an endpoint that is no URL': { endpoint: 'introspect' },
    'no secret': { clientSecret: '' },
    'a cache of minutes': { cacheSeconds: 61 },
    'a negative cache': { cacheSeconds: -1 },
  }
  for (const [what, options] of Object.entries(WRONG)) {
    it(`is not made with ${what}`, () => {
      const right = {
        endpoint: 'https://id.example.com/oauth/introspect',
        clientId: 'api',
        clientSecret: 's',
      }
      expect(() => createIntrospection({ ...right, ...options })).to.throw(TypeError)
    })
  }
})
