import { expect } from 'chai'
import { makeLogger } from '../../src/telemetry/logger.ts'
import { basicAuthorization, startApp, type TestApp, type TestClient } from '../support/app.ts'
import { FORM, request, sendRaw } from '../support/raw-http.ts'
import { noteSecret, secretsIn } from '../support/secrets.ts'

describe('what the log says of requests', () => {
  let keyturn: TestApp
  let client: TestClient
  let alice: { id: string }
  before(async () => {
    keyturn = await startApp()
    client = await keyturn.createClient()
    alice = await keyturn.createUser('alice', { email: 'alice@example.com' })
  })

  const fields = () => keyturn.logger.lines.at(-1)?.fields
  const requestId = (answer: { headers: Headers }) => answer.headers.get('x-request-id')

  /** All lines so far as the real logger writes them. */
  function written(): string {
    let text = ''
    const logger = makeLogger('debug', {
      write: (line: string) => {
        text += line
      },
    })
    for (const { level, fields, message } of keyturn.logger.lines) logger[level as 'info'](fields, message)
    return text
  }

  it('S-116 each login, refresh, revocation and refusal has who, from where, what, and why', async () => {
    const expected = { method: 'POST', address: '127.0.0.1', client: client.id }
    const login = await keyturn.signIn(client, 'Alice@Example.com')
    expect(fields()).to.deep.include({
      ...expected,
      user: alice.id,
      grant: 'password',
      status: 200,
      path: '/oauth/token',
    })

    await keyturn.signIn(client, 'alice', { password: 'not her password' })
    expect(fields()).to.deep.include({ ...expected, user: alice.id, status: 400, reason: 'password_wrong' })
    await keyturn.signIn(client, 'mallory')
    expect(fields()).to.deep.include({ ...expected, status: 400, reason: 'identifier_unknown' })
    expect(fields()).not.to.have.property('user')

    const { refresh_token: token } = login.body
    const next = (await keyturn.refresh(client, token)).body.refresh_token
    expect(fields()).to.deep.include({ ...expected, user: alice.id, grant: 'refresh_token', status: 200 })
    await keyturn.refresh(await keyturn.createClient(), next)
    expect(fields()).to.include({ user: alice.id, reason: 'refresh_token_of_another_client' })
    await keyturn.post('/oauth/revoke', { token: next }, client)
    expect(fields()).to.deep.include({ ...expected, status: 200, path: '/oauth/revoke' })
    await keyturn.refresh(client, next)
    expect(fields()).to.deep.include({ ...expected, user: alice.id, reason: 'refresh_token_revoked' })
    await keyturn.post('/oauth/introspect', { token: next }, { ...client, secret: 'wrong' })
    expect(fields()).to.include({ status: 401, reason: 'client_secret_wrong' })
    expect(fields(), 'who has proven nothing is nobody').not.to.have.property('client')
  })

  it('S-116 every line of a request, and its audit row, can be found by the id that the caller got', async () => {
    const login = await keyturn.signIn(client, 'alice')
    const revoked = await keyturn.post('/oauth/revoke', { token: login.body.refresh_token }, client)
    const [row] = await keyturn.stores.database.query<{ request_id: string }>(
      'select request_id from audit_events where request_id is not null order by id desc limit 1',
    )
    expect(row?.request_id).to.equal(requestId(revoked))
    expect(requestId(revoked)).not.to.equal(requestId(login))
  })

  it('S-116 secrets that come by a way where none belongs are not in it', async () => {
    const { access_token: access, refresh_token: refresh } = (await keyturn.signIn(client, 'alice')).body
    const secrets = [access, refresh, client.secret ?? '', keyturn.password]
    for (const secret of secrets) noteSecret(secret)
    for (const secret of secrets.map(encodeURIComponent)) {
      const lines = [
        `GET /oauth/token?refresh_token=${secret}`,
        `POST /oauth/token?client_secret=${secret}&password=${secret}`,
        `GET /${secret}`,
        `GET /oauth/token/${secret}/`,
        `POST /oauth/token;token=${secret}`,
        `GET /x/${secret}?${secret}#${secret}`,
        `GET http://user:${secret}@keyturn.test/oauth/token`,
        `OPTIONS ${secret}`,
      ]
      for (const line of lines) await sendRaw(keyturn.origin, request(line))
      const headers = [
        'Authorization',
        'Cookie',
        'X-Api-Key',
        'Origin',
        'Referer',
        'User-Agent',
        'X-Request-Id',
        'X-Forwarded-For',
      ]
      for (const name of headers)
        await sendRaw(keyturn.origin, request('POST /oauth/token', [FORM, [name, secret]], 'x'))
      for (const name of [
        'scope',
        'username',
        'client_id',
        'grant_type',
        'resource',
        'token_type_hint',
        secret,
      ]) {
        const form = `grant_type=password&username=x&password=x&${name}=${secret}&client_id=${client.id}`
        await sendRaw(keyturn.origin, request('POST /oauth/token', [FORM], form))
      }
    }
    // Too short to be known by its length, so the query must be gone altogether.
    await sendRaw(keyturn.origin, request('GET /livez?password=hunter2;x=?hunter2'))
    expect(fields()).to.include({ path: '/livez', status: 200 })
    await keyturn.signIn(client, keyturn.password, { password: 'alice' })
    await keyturn.refresh(client, access)
    await keyturn.post('/oauth/introspect', { token: keyturn.password, token_type_hint: refresh }, client)

    expect(written().split('\n').length).to.be.greaterThan(80)
    expect(secretsIn(written())).to.deep.equal([])
    expect(secretsIn(`${written()} ${refresh}`), 'control').to.deep.equal([refresh])
    expect(written()).not.to.include('hunter2')
    // Of long segments nothing is left; the parser lets no byte through that could be hidden in a short one.
    expect(written()).not.to.include(encodeURIComponent(keyturn.password))
  })

  it('S-116 what a stranger sends is at most a line, and short', async () => {
    const requests = () => keyturn.logger.lines.filter(({ fields }) => 'status' in fields).length
    const before = requests()
    const hostile = ['/%0d%0a{"level":"info"}', '/%1b[2J', '/'.padEnd(12_000, 'a/'), '/\'"<>{}|^`']
    for (const path of hostile) await sendRaw(keyturn.origin, request(`GET ${path}`))
    await sendRaw(keyturn.origin, 'GET /\u001b[2J HTTP/1.1\r\n\r\n')
    await sendRaw(keyturn.origin, request('GET /livez', [['User-Agent', '\u009b2J']]))
    expect(requests() - before).to.equal(6)
    for (const line of written().trimEnd().split('\n')) {
      expect(line).to.match(/^[\x20-\x7e…]+$/)
      expect(line.length).to.be.lessThan(600)
    }
  })

  it('S-116 a header of authentication is in no line, whether it is good or not', async () => {
    const good = basicAuthorization(client)
    noteSecret(good.slice('Basic '.length))
    for (const value of [good, `${good}x`, good.replace('Basic', 'Bearer')]) {
      const form = 'grant_type=client_credentials'
      await sendRaw(keyturn.origin, request('POST /oauth/token', [FORM, ['Authorization', value]], form))
    }
    expect(written()).not.to.include(good.slice('Basic '.length))
  })
})
