import { expect } from 'chai'
import { type Answer, MODES, startApp, type TestApp } from '../support/app.ts'

const JSON_TYPE = { 'content-type': 'application/json' }
const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/

const said = ({ status, body }: Answer) => [status, body]
const notValid = (detail: string) => [401, { detail, code: 'token_not_valid' }]
const notLoggedIn = [400, { detail: 'You should be logged in to logout. Check whether the token is passed.' }]

/** A node whose door is open, with a user. */
async function openDoor(options: Parameters<typeof startApp>[0]) {
  const keyturn = await startApp(options)
  const alice = await keyturn.createUser('alice', { email: 'alice@example.com' })
  await (await keyturn.administration.clients()).enable('django', 'operator')
  const post = (path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
    keyturn.send('POST', `/dj-rest-auth/${path}`, JSON.stringify(body), { ...JSON_TYPE, ...headers })
  const login = (details: Record<string, string> = {}) =>
    post('login/', { username: 'alice', password: keyturn.password, ...details })
  const user = (authorization: string) => keyturn.get('/dj-rest-auth/user/', { authorization })
  const details = {
    pk: alice.id,
    username: 'alice',
    email: 'alice@example.com',
    first_name: '',
    last_name: '',
  }
  return { keyturn, post, login, user, details }
}

async function openOwnDetails() {
  const door = await openDoor({})
  const authorization = `Bearer ${(await door.login()).body.access}`
  const change = (method: string) => (body: unknown) =>
    door.keyturn.send(method, '/dj-rest-auth/user', JSON.stringify(body), { ...JSON_TYPE, authorization })
  return { ...door, put: change('PUT'), patch: change('PATCH') }
}

async function isActive(keyturn: TestApp, token: string): Promise<boolean> {
  const resourceServer = await keyturn.createClient({
    grants: [],
    scopes: [],
    isFirstParty: false,
    audiences: [keyturn.config.issuer],
  })
  return (await keyturn.post('/oauth/introspect', { token }, resourceServer)).body.active
}

for (const mode of MODES) {
  describe(`the Django door, dj-rest-auth with tokens, ${mode}`, () => {
    let door: Awaited<ReturnType<typeof openDoor>>
    beforeEach(async () => {
      door = await openDoor({ mode })
    })

    it('18: a login by username or e-mail address gives an access and a refresh token, and the user', async () => {
      const { keyturn, post, login, user, details } = door
      const first = await login()
      expect(first.status).to.equal(200)
      expect(Object.keys(first.body)).to.deep.equal(['access', 'refresh', 'user'])
      expect(first.body.user).to.deep.equal(details)
      const byEmail = await post('login/', { email: 'alice@example.com', password: keyturn.password })
      expect(byEmail.body.user).to.deep.equal(details)
      expect(said(await user(`Bearer ${byEmail.body.access}`))).to.deep.equal([200, details])
      expect(first.headers.get('set-cookie')).to.equal(null)
      expect(first.headers.get('cache-control')).to.equal('no-store')
    })

    it('18: a refresh gives the next pair and says when the access token ends; a spent one is refused', async () => {
      const { post, login } = door
      const { refresh } = (await login()).body
      const next = await post('token/refresh/', { refresh })
      expect(Object.keys(next.body)).to.deep.equal(['access', 'refresh', 'access_expiration'])
      expect(next.body.access_expiration).to.match(ISO_TIME)
      expect((await post('token/verify/', { token: next.body.refresh })).status).to.equal(200)
      expect(said(await post('token/refresh/', { refresh: 'x' }))).to.deep.equal(notValid('Token is invalid'))
      expect(said(await post('token/refresh/', {}))).to.deep.equal(notValid('No valid refresh token found.'))
    })

    it('18, 45: a logout ends the refresh token at once, and the access token for whoever asks', async () => {
      const { keyturn, post, login, user } = door
      const { access, refresh } = (await login()).body
      expect(await isActive(keyturn, access)).to.equal(true)
      expect(said(await post('logout/', { refresh }))).to.deep.equal([
        200,
        { detail: 'Successfully logged out.' },
      ])
      expect(await isActive(keyturn, access)).to.equal(false)
      expect((await user(`Bearer ${access}`)).status).to.equal(401)
      const blacklisted = notValid('Token is blacklisted')
      expect(said(await post('token/refresh/', { refresh }))).to.deep.equal(blacklisted)
      expect(said(await post('logout/', { refresh }))).to.deep.equal(blacklisted)
    })
  })
}

describe('the Django door, dj-rest-auth', () => {
  it('says in its words what is wrong with a login, the same of whatever name', async () => {
    const { keyturn, post } = await openDoor({})
    await keyturn.createUser('bob')
    await (await keyturn.administration.users()).disable('bob', 'operator')
    const { password } = keyturn
    const refused = [400, { non_field_errors: ['Unable to log in with provided credentials.'] }]
    for (const [username, given] of [
      ['alice', 'wrong'],
      ['nobody', password],
      ['bob', password],
    ])
      expect(said(await post('login/', { username, password: given }))).to.deep.equal(refused)
    const required = { password: ['This field is required.'] }
    expect(said(await post('login/', { username: 'alice' }))).to.deep.equal([400, required])
    const neither = { non_field_errors: ['Must include either "username" or "email" and "password".'] }
    expect(said(await post('login/', { password }))).to.deep.equal([400, neither])
  })

  it('says in its words what is wrong with a logout, and has no logout by GET', async () => {
    const { keyturn, post, user } = await openDoor({})
    const missing = [401, { detail: 'Refresh token was not included in request data.' }]
    expect(said(await post('logout/', {}))).to.deep.equal(missing)
    expect((await keyturn.get('/dj-rest-auth/logout/')).status).to.equal(405)
    expect((await user('Bearer x')).status).to.equal(401)
  })

  it('18: a user changes what they are called, and signs in with the new name', async () => {
    const { keyturn, login, details, put, patch } = await openOwnDetails()
    const named = { ...details, first_name: 'Alice', last_name: 'Liddell' }
    expect(said(await patch({ first_name: ' Alice ', last_name: 'Liddell' }))).to.deep.equal([200, named])
    expect(said(await patch({ pk: '7', email: 'x@example.com' }))).to.deep.equal([200, named])
    expect(said(await put({ username: 'alicia', last_name: '' }))).to.deep.equal([
      200,
      { ...named, username: 'alicia', last_name: '' },
    ])
    expect((await login()).status, 'the old name').to.equal(400)
    expect((await login({ username: 'ALICIA' })).body.user.username).to.equal('alicia')
    expect(said(await patch({ username: 'alice' }))).to.deep.equal([200, { ...named, last_name: '' }])
    const events = await keyturn.stores.database.query<{ actor: string }>(
      "select actor from audit_events where event = 'user.updated'",
    )
    expect(new Set(events.map(({ actor }) => actor))).to.deep.equal(new Set([`user:${details.pk}`]))
  })

  it('18: says what is wrong with a new name, and changes nothing', async () => {
    const { keyturn, details, put, patch } = await openOwnDetails()
    await keyturn.createUser('bob', { email: 'bob@example.com' })
    const taken = { username: ['A user with that username already exists.'] }
    for (const username of ['bob', 'BOB'])
      expect(said(await put({ username })), username).to.deep.equal([400, taken])
    const foreign = { username: ['A username that is an e-mail address must be the address of the account.'] }
    for (const username of ['bob@example.com', 'nobody@example.com'])
      expect(said(await put({ username })), username).to.deep.equal([400, foreign])
    const invalid =
      'Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_ characters.'
    for (const username of ['a b', 'a\u202eb', 'x'.repeat(300)])
      expect(said(await patch({ username })), username).to.deep.equal([400, { username: [invalid] }])
    expect(said(await put({ first_name: 'A' }))).to.deep.equal([
      400,
      { username: ['This field is required.'] },
    ])
    expect(said(await patch({ first_name: 'x'.repeat(151), last_name: null }))).to.deep.equal([
      400,
      {
        first_name: ['Ensure this field has no more than 150 characters.'],
        last_name: ['This field may not be null.'],
      },
    ])
    for (const first_name of ['\ud800', 'a\udc00b'])
      expect(said(await patch({ first_name }))).to.deep.equal([400, { first_name: ['Not a valid string.'] }])
    expect(said(await patch({ username: null }))).to.deep.equal([
      400,
      { username: ['This field may not be null.'] },
    ])
    expect(said(await patch({ username: '' }))).to.deep.equal([
      400,
      { username: ['This field may not be blank.'] },
    ])
    const folding = `a${'\u0307'.repeat(1500)}lice`
    for (const username of [folding, 'ⓐlice'])
      expect((await patch({ username })).status, 'its normal form is the one that there is').to.equal(400)
    expect(said(await patch({}))).to.deep.equal([200, details])
  })

  it('a program’s key shows whose it is, and does not change that', async () => {
    const { keyturn } = await openOwnDetails()
    const keys = await keyturn.administration.apiKeys()
    const { key } = await keys.create({ name: 'ci', user: 'alice' }, 'operator')
    const headers = { authorization: `Api-Key ${key}`, ...JSON_TYPE }
    expect((await keyturn.get('/dj-rest-auth/user/', headers)).status).to.equal(200)
    const answer = await keyturn.send('PATCH', '/dj-rest-auth/user/', '{"username": "x"}', headers)
    expect(said(answer)).to.deep.equal([
      403,
      { detail: 'You do not have permission to perform this action.' },
    ])
  })

  it('with keys: a login gives the user’s authtoken, a logout ends it', async () => {
    const { keyturn, post, login, user, details } = await openDoor({
      environment: { KEYTURN_REST_AUTH: 'key' },
    })
    const { key } = (await login()).body
    expect(key).to.match(/^[0-9a-f]{40}$/)
    expect((await login()).body).to.deep.equal({ key })
    const authorization = `Token ${key}`
    expect(said(await user(authorization))).to.deep.equal([200, details])
    expect(said(await post('logout/', {}))).to.deep.equal(notLoggedIn)
    expect(said(await post('logout/', {}, { authorization: `Token ${'0'.repeat(40)}` }))).to.deep.equal(
      notLoggedIn,
    )
    expect((await post('logout/', {}, { authorization })).status).to.equal(200)
    expect((await user(authorization)).status).to.equal(401)
    expect(await isActive(keyturn, key)).to.equal(false)
    const refused = [400, { non_field_errors: ['Unable to log in with provided credentials.'] }]
    expect(said(await login({ password: 'wrong' }))).to.deep.equal(refused)
    expect((await login()).body.key)
      .to.match(/^[0-9a-f]{40}$/)
      .and.not.equal(key)
  })

  it('is not there while the door is closed', async () => {
    const { keyturn, post, user } = await openDoor({})
    await (await keyturn.administration.clients()).disable('django', 'operator')
    for (const path of ['login/', 'logout/', 'token/refresh/', 'token/verify/'])
      expect((await post(path, {})).status, path).to.equal(404)
    expect((await user('Bearer x')).status).to.equal(404)
  })
})
