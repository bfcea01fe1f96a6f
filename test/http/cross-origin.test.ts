import { expect } from 'chai'
import { startApp, type TestApp, type TestClient } from '../support/app.ts'
import { TestClock } from '../support/clock.ts'

const PAGE = 'https://app.example.com'
const OTHER = 'https://other.example'
const JSON_TYPE = { 'content-type': 'application/json' }
const FORM_TYPE = { 'content-type': 'application/x-www-form-urlencoded' }

describe('web pages of other origins', () => {
  let keyturn: TestApp
  let clock: TestClock
  let client: TestClient
  let stranger: TestClient

  beforeEach(async () => {
    clock = new TestClock()
    keyturn = await startApp({ clock })
    await keyturn.createUser('alice')
    client = await keyturn.createClient({ isPublic: true, allowedOrigins: [PAGE] })
    stranger = await keyturn.createClient({ isPublic: true, allowedOrigins: [OTHER] })
    const clients = await keyturn.administration.clients()
    await clients.enable('django', 'operator')
    await clients.update('django', { allowedOrigins: [PAGE] }, 'operator')
  })

  const preflight = (path: string, origin: string, method = 'POST') =>
    keyturn.request('OPTIONS', path, { origin, 'access-control-request-method': method })
  const refresh = async ({ id }: TestClient, origin: string) => {
    const token = (await keyturn.signIn({ id }, 'alice')).body.refresh_token
    const form = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: token, client_id: id })
    return keyturn.send('POST', '/oauth/token', String(form), { ...FORM_TYPE, origin })
  }
  const readers = (answer: { headers: Headers }) => answer.headers.get('access-control-allow-origin')

  it('54: S-020 those of a registered origin read what its client is answered, refusals too', async () => {
    const answer = await refresh(client, PAGE)
    expect([answer.status, readers(answer)]).to.deep.equal([200, PAGE])
    expect(answer.headers.get('vary')).to.equal('Origin')
    expect(answer.headers.get('access-control-allow-credentials')).to.equal(null)
    expect(answer.headers.get('access-control-expose-headers')).to.equal(
      'retry-after, www-authenticate, x-request-id',
    )
    const refused = await keyturn.send('POST', '/oauth/token', 'x', { ...FORM_TYPE, origin: PAGE })
    expect([refused.status, readers(refused)]).to.deep.equal([400, PAGE])
    const login = JSON.stringify({ username: 'alice', password: keyturn.password })
    const pair = await keyturn.send('POST', '/api/token/', login, { ...JSON_TYPE, origin: PAGE })
    expect([pair.status, readers(pair), pair.headers.get('vary')]).to.deep.equal([
      200,
      PAGE,
      'Accept, Origin',
    ])
    const wrong = await keyturn.send('POST', '/api/token/', '{}', { ...JSON_TYPE, origin: PAGE })
    expect([wrong.status, readers(wrong)]).to.deep.equal([400, PAGE])
  })

  it('54: S-020 their preflight is answered, where a token is had or a Django-shaped endpoint is', async () => {
    for (const [path, methods] of [
      ['/oauth/token', 'POST'],
      ['/oauth/revoke', 'POST'],
      ['/api/token/', 'POST'],
      ['/api/protected', 'GET, HEAD'],
      ['/dj-rest-auth/user/', 'GET, HEAD, PUT, PATCH'],
    ] as const) {
      const answer = await preflight(path, PAGE)
      expect([answer.status, readers(answer), answer.text], path).to.deep.equal([204, PAGE, ''])
      expect(answer.headers.get('access-control-allow-methods'), path).to.equal(methods)
      expect(answer.headers.get('access-control-allow-headers')).to.equal('authorization, content-type')
      expect(answer.headers.get('access-control-max-age')).to.equal('600')
    }
  })

  it('S-020 those of any other read nothing: not a stranger’s, not the same on another port', async () => {
    for (const origin of [
      'https://evil.example',
      'null',
      `${PAGE}:8443`,
      'http://app.example.com',
      '*',
      PAGE.toUpperCase(),
    ]) {
      expect(readers(await refresh(client, origin)), origin).to.equal(null)
      expect((await preflight('/oauth/token', origin)).status, origin).to.equal(405)
      expect(readers(await preflight('/api/token/', origin)), origin).to.equal(null)
    }
    expect(readers(await refresh(client, OTHER)), 'the origin of another client').to.equal(null)
    expect(readers(await refresh(stranger, PAGE))).to.equal(null)
    expect(readers(await refresh(stranger, OTHER)), 'control').to.equal(OTHER)
    expect(readers(await preflight('/api/token/', OTHER)), 'the client is django there').to.equal(null)
    for (const path of ['/oauth/introspect', '/account/api/sessions'])
      expect((await preflight(path, PAGE)).status, path).to.equal(405)
  })

  it('a change of the origins is everywhere within 15 seconds, a disabled client’s go', async () => {
    expect(readers(await preflight('/oauth/token', PAGE))).to.equal(PAGE)
    const clients = await keyturn.administration.clients()
    await clients.update(client.id, { allowedOrigins: [] }, 'operator')
    await clients.disable('django', 'operator')
    clock.advance(15_000)
    expect((await preflight('/oauth/token', PAGE)).status).to.equal(405)
    await clients.update(client.id, { allowedOrigins: ['https://new.example'] }, 'operator')
    expect((await preflight('/oauth/token', 'https://new.example')).status, 'not yet').to.equal(405)
    clock.advance(15_000)
    expect((await preflight('/oauth/token', 'https://new.example')).status).to.equal(204)
  })
})
