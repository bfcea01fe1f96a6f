import { expect } from 'chai'
import { decodeJwt } from 'jose'
import { type Answer, startApp, type TestApp } from '../support/app.ts'
import { TestClock } from '../support/clock.ts'

type Body = string | URLSearchParams | FormData

const JSON_TYPE = { 'content-type': 'application/json' }
const NOT_VALID = { code: 'token_not_valid' }
const BEARER = 'Bearer realm="api"'
const PATHS = ['/api/token/', '/api/token/refresh/', '/api/token/verify/', '/api/token/blacklist/'] as const

describe('the Django door, simplejwt', () => {
  let keyturn: TestApp
  let clock: TestClock
  beforeEach(async () => {
    clock = new TestClock(undefined, { autoAdvance: true })
    keyturn = await startApp({ clock })
    await keyturn.createUser('alice')
    await open()
  })

  const open = async () => (await keyturn.administration.clients()).enable('django', 'operator')
  const json = (path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
    keyturn.send('POST', path, JSON.stringify(body), { ...JSON_TYPE, ...headers })
  const raw = (path: string, body?: Body, headers: Record<string, string> = {}): Promise<Answer> =>
    keyturn.send('POST', path, body, headers)
  const signIn = async () =>
    (await json('/api/token/', credentials())).body as { access: string; refresh: string }
  const credentials = () => ({ username: 'alice', password: keyturn.password })
  const said = ({ status, body }: Answer) => [status, body]

  it('10, 14, 19: trades a username and a password for a refresh and an access token, in that order', async () => {
    const answer = await json('/api/token/', credentials())
    expect(answer.status).to.equal(200)
    expect(Object.keys(answer.body)).to.deep.equal(['refresh', 'access'])
    expect(answer.headers.get('content-type')).to.equal('application/json')
    expect(answer.headers.get('allow')).to.equal('POST, OPTIONS')
    // 51: what simplejwt leaves out and OAuth requires.
    expect(answer.headers.get('cache-control')).to.equal('no-store')
    expect(decodeJwt(answer.body.access)).to.include({
      token_type: 'access',
      username: 'alice',
      client_id: 'django',
      aud: keyturn.config.issuer,
    })
  })

  it('takes JSON, a form and a multipart form, with the slash and without', async () => {
    const multipart = new FormData()
    for (const [name, value] of Object.entries(credentials())) multipart.set(name, value)
    for (const body of [JSON.stringify(credentials()), new URLSearchParams(credentials()), multipart]) {
      for (const path of ['/api/token/', '/api/token']) {
        const answer = await raw(path, body, typeof body === 'string' ? JSON_TYPE : {})
        expect(Object.keys(answer.body), path).to.deep.equal(['refresh', 'access'])
      }
    }
  })

  it('11, 20, 21: refreshes, and gives the same successor to whoever asks again', async () => {
    const { refresh } = await signIn()
    const once = await json('/api/token/refresh/', { refresh })
    expect(once.status).to.equal(200)
    expect(Object.keys(once.body)).to.deep.equal(['access', 'refresh'])
    const again = await json('/api/token/refresh/', { refresh })
    expect(again.body.refresh).to.equal(once.body.refresh)
  })

  it('16 simultaneous refreshes of one token have one successor', async () => {
    const { refresh } = await signIn()
    const answers = await Promise.all(
      Array.from({ length: 16 }, () => json('/api/token/refresh/', { refresh })),
    )
    expect(answers.map(({ status }) => status)).to.deep.equal(Array(16).fill(200))
    expect(new Set(answers.map(({ body }) => body.refresh)).size).to.equal(1)
  })

  it('gives one answer to an unknown name, a wrong password and a disabled user', async () => {
    await keyturn.createUser('bob')
    await (await keyturn.administration.users()).disable('bob', 'operator')
    for (const [username, password] of [
      ['nobody', keyturn.password],
      ['alice', 'wrong'],
      ['bob', keyturn.password],
    ]) {
      const answer = await json('/api/token/', { username, password })
      const detail = 'No active account found with the given credentials'
      expect(said(answer)).to.deep.equal([401, { detail, code: 'no_active_account' }])
      expect(answer.headers.get('www-authenticate')).to.equal(BEARER)
    }
  })

  it('ignores the Authorization header, however bad', async () => {
    for (const authorization of ['Bearer nonsense', 'Basic !', 'Bearer a b']) {
      expect((await json('/api/token/', credentials(), { authorization })).status).to.equal(200)
    }
  })

  it('says what is wrong with each field', async () => {
    const about = async (value: unknown) =>
      (await json('/api/token/', { username: value, password: 'x' })).body
    expect(said(await json('/api/token/', {}))).to.deep.equal([
      400,
      { username: ['This field is required.'], password: ['This field is required.'] },
    ])
    expect(said(await raw('/api/token/'))[0], 'no body at all').to.equal(400)
    expect(await about('')).to.deep.equal({ username: ['This field may not be blank.'] })
    expect(await about('  ')).to.deep.equal({ username: ['This field may not be blank.'] })
    expect(await about(null)).to.deep.equal({ username: ['This field may not be null.'] })
    for (const value of [true, [], {}])
      expect(await about(value)).to.deep.equal({ username: ['Not a valid string.'] })
    expect(await about('a\0b')).to.deep.equal({ username: ['Null characters are not allowed.'] })
    expect((await json('/api/token/', { username: 7, password: 'x' })).status, 'a number').to.equal(401)
  })

  it('trims the username and the password, as simplejwt does', async () => {
    const padded = { username: ' alice ', password: ` ${keyturn.password} ` }
    expect((await json('/api/token/', padded)).status).to.equal(200)
    expect((await json('/api/token/', { ...credentials(), username: 'Alice' })).status).to.equal(200)
  })

  it('answers what is no request in the words of Django REST Framework', async () => {
    const wrong = async (answer: Promise<Answer>) => said(await answer)
    expect(await wrong(json('/api/token/', []))).to.deep.equal([
      400,
      { non_field_errors: ['Invalid data. Expected a dictionary, but got list.'] },
    ])
    expect((await raw('/api/token/', '{"a":', JSON_TYPE)).body.detail).to.match(/^JSON parse error - /)
    expect(await wrong(raw('/api/token/', '<a/>', { 'content-type': 'application/xml' }))).to.deep.equal([
      415,
      { detail: 'Unsupported media type "application/xml" in request.' },
    ])
    expect(await wrong(json('/api/token/', credentials(), { accept: 'text/csv' }))).to.deep.equal([
      406,
      { detail: 'Could not satisfy the request Accept header.' },
    ])
    expect(await wrong(keyturn.get('/api/token/'))).to.deep.equal([
      405,
      { detail: 'Method "GET" not allowed.' },
    ])
    const tooLarge = await json('/api/token/', { username: 'x'.repeat(20_000) })
    expect([tooLarge.status, Object.keys(tooLarge.body)]).to.deep.equal([413, ['detail']])
  })

  it('43: tells an expired, a spent, a wrong and no token apart', async () => {
    const { access, refresh } = await signIn()
    const second = (await json('/api/token/refresh/', { refresh })).body.refresh
    await json('/api/token/refresh/', { refresh: second })
    const detail = async (token: string) => (await json('/api/token/refresh/', { refresh: token })).body
    expect(await detail('nonsense')).to.deep.equal({ detail: 'Token is invalid', ...NOT_VALID })
    expect(await detail(access)).to.deep.equal({ detail: 'Token has wrong type', ...NOT_VALID })
    expect(await detail(refresh)).to.deep.equal({ detail: 'Token is blacklisted', ...NOT_VALID })
    const other = await signIn()
    clock.advance(15 * 24 * 3600 * 1000)
    await keyturn.app.reloadKeys()
    expect(await detail(other.refresh)).to.deep.equal({ detail: 'Token is expired', ...NOT_VALID })
  })

  it('refuses to refresh for a user who was disabled since', async () => {
    const { refresh } = await signIn()
    await (await keyturn.administration.users()).disable('alice', 'operator')
    const inactive = [401, { detail: 'No active account found for the given token.' }]
    expect(said(await json('/api/token/refresh/', { refresh }))).to.deep.equal(inactive)
    await (await keyturn.administration.users()).enable('alice', 'operator')
    const over = [401, { detail: 'Token is blacklisted', ...NOT_VALID }]
    expect(said(await json('/api/token/refresh/', { refresh }))).to.deep.equal(over)
  })

  it('12: verifies a token of either type without using it up', async () => {
    const { access, refresh } = await signIn()
    for (const token of [access, refresh, refresh])
      expect(said(await json('/api/token/verify/', { token }))).to.deep.equal([200, {}])
    const bad = await json('/api/token/verify/', { token: 'nonsense' })
    expect(said(bad)).to.deep.equal([401, { detail: 'Token is invalid', ...NOT_VALID }])
    clock.advance(700 * 1000)
    await keyturn.app.reloadKeys()
    const late = await json('/api/token/verify/', { token: access })
    expect(said(late)).to.deep.equal([401, { detail: 'Token is expired', ...NOT_VALID }])
    expect((await json('/api/token/refresh/', { refresh })).status).to.equal(200)
  })

  it('13, 44: a blacklisted token is dead, and so is what was issued with it', async () => {
    const { access, refresh } = await signIn()
    const wrongType = { detail: 'Token has wrong type', ...NOT_VALID }
    expect(said(await json('/api/token/blacklist/', { refresh: access }))).to.deep.equal([401, wrongType])
    expect(said(await json('/api/token/blacklist/', { refresh }))).to.deep.equal([200, {}])
    const dead = [401, { detail: 'Token is blacklisted', ...NOT_VALID }]
    expect(said(await json('/api/token/blacklist/', { refresh }))).to.deep.equal(dead)
    expect(said(await json('/api/token/refresh/', { refresh }))).to.deep.equal(dead)
    expect(said(await json('/api/token/verify/', { token: refresh }))).to.deep.equal(dead)
    expect(said(await json('/api/token/verify/', { token: access }))).to.deep.equal(dead)
  })

  it('R-12 whoever logs out with a spent token means the session: its live token is dead, too', async () => {
    const { refresh } = await signIn()
    const second = (await json('/api/token/refresh/', { refresh })).body.refresh
    const third = (await json('/api/token/refresh/', { refresh: second })).body.refresh
    expect((await json('/api/token/blacklist/', { refresh })).status).to.equal(401)
    expect((await json('/api/token/refresh/', { refresh: third })).status).to.equal(401)
  })

  it('5, 16, 39, 56: greets who is signed in, and refuses everybody else', async () => {
    const { access, refresh } = await signIn()
    const ask = (authorization?: string) =>
      keyturn.get('/api/protected/', authorization === undefined ? {} : { authorization })
    const greeting = { message: 'Hello, alice! You are authenticated.' }
    for (const scheme of ['Bearer', 'bearer'])
      expect(said(await ask(`${scheme} ${access}`))).to.deep.equal([200, greeting])
    const nobody = { detail: 'Authentication credentials were not provided.' }
    for (const authorization of [undefined, 'Digest x', ''])
      expect(said(await ask(authorization))).to.deep.equal([401, nobody])
    const malformed = {
      detail: 'Authorization header must contain two space-delimited values',
      code: 'bad_authorization_header',
    }
    for (const authorization of ['Bearer', `Bearer ${access} x`])
      expect(said(await ask(authorization))).to.deep.equal([401, malformed])
    const bad = await ask(`Bearer ${refresh}`)
    expect(bad.body).to.deep.equal({
      detail: 'Given token not valid for any token type',
      code: 'token_not_valid',
      messages: [{ token_class: 'AccessToken', token_type: 'access', message: 'Token has wrong type' }],
    })
    expect(bad.headers.get('www-authenticate')).to.equal(BEARER)
    await json('/api/token/blacklist/', { refresh })
    expect((await ask(`Bearer ${access}`)).status, 'after the logout').to.equal(401)
  })

  it('does not take a token that is for somebody else', async () => {
    const client = await keyturn.createClient({ audiences: ['https://api.example.com'] })
    const { access_token } = (await keyturn.signIn(client, 'alice')).body
    const answer = await keyturn.get('/api/protected/', { authorization: `Bearer ${access_token}` })
    expect(answer.status).to.equal(401)
  })

  it('is not there while its client is disabled, whatever is asked', async () => {
    const { access, refresh } = await signIn()
    await (await keyturn.administration.clients()).disable('django', 'operator')
    const bodies = [{ ...credentials(), refresh, token: access }, {}, []]
    for (const path of PATHS) {
      for (const body of bodies)
        expect(said(await json(path, body))).to.deep.equal([404, { detail: 'Not found.' }])
    }
    const protectedAnswer = await keyturn.get('/api/protected/', { authorization: `Bearer ${access}` })
    expect(protectedAnswer.status).to.equal(404)
    // Sessions that ended with it stay ended.
    await open()
    expect((await json('/api/token/refresh/', { refresh })).status).to.equal(401)
    expect((await json('/api/token/', credentials())).status).to.equal(200)
  })

  it('is not there before it was ever enabled', async () => {
    const other = await startApp()
    expect((await other.send('POST', '/api/token/', '{}', JSON_TYPE)).status).to.equal(404)
  })

  it('describes itself to OPTIONS', async () => {
    const answer = await keyturn.request('OPTIONS', '/api/token/')
    expect([answer.status, answer.headers.get('allow')]).to.deep.equal([200, 'POST, OPTIONS'])
    expect(answer.body.parses).to.include('application/json')
  })
})
