import { gzipSync } from 'node:zlib'
import { expect } from 'chai'
import { basicAuthorization, startApp, type TestApp, type TestClient } from '../support/app.ts'
import { FORM, request, sendRaw } from '../support/raw-http.ts'
import { noteSecret } from '../support/secrets.ts'

type Headers = [name: string, value: string][]
const GOOD = 'grant_type=client_credentials'

describe('the body of a request', () => {
  let keyturn: TestApp
  let client: TestClient
  let authorization: [string, string]
  before(async () => {
    keyturn = await startApp()
    client = await keyturn.createClient()
    authorization = ['Authorization', basicAuthorization(client)]
    await keyturn.createUser('alice')
  })

  /** Status, error code and body of an answer to a POST. */
  async function post(headers: Headers, body?: string, path = '/oauth/token') {
    const answer = await sendRaw(keyturn.origin, request(`POST ${path}`, [authorization, ...headers], body))
    if (!answer) throw new Error('no answer')
    return { status: answer.status, ...JSON.parse(answer.body) }
  }
  const signedIn = async () => (await keyturn.signIn(client, 'alice')).body.refresh_token as string

  it('S-002 of another media type, or of none, is not read as parameters', async () => {
    const types = [
      'application/json',
      'multipart/form-data; boundary=x',
      'text/plain',
      'application/x-www-form',
      '',
    ]
    const more = [
      'application/x-www-form-urlencoded, text/plain',
      'application/x-www-form-urlencodedx',
      'x',
      ';',
      '/',
    ]
    for (const type of [...types, ...more]) {
      const { status, error, error_description } = await post([['Content-Type', type]], GOOD)
      expect([status, error], type).to.deep.equal([400, 'invalid_request'])
      expect(error_description).to.equal('the body must be application/x-www-form-urlencoded')
    }
    expect((await post([], GOOD)).status, 'no type').to.equal(400)
    expect(
      (await post([['Content-Type', 'application/json']], '{"grant_type":"client_credentials"}')).status,
    ).to.equal(400)
    const boundary =
      '--x\r\nContent-Disposition: form-data; name="grant_type"\r\n\r\nclient_credentials\r\n--x--\r\n'
    expect((await post([['Content-Type', 'multipart/form-data; boundary=x']], boundary)).status).to.equal(400)
  })

  it('S-003 is UTF-8, said or not', async () => {
    const type = 'application/x-www-form-urlencoded'
    const taken = [
      '',
      ';charset=utf-8',
      '; charset=UTF-8',
      '; charset="utf-8"',
      ';',
      '; x=y',
      '; CHARSET=Utf-8; x=y',
    ]
    for (const suffix of taken) {
      expect((await post([['Content-Type', type.toUpperCase() + suffix]], GOOD)).status, suffix).to.equal(200)
    }
    const refused = ['utf-16', 'utf-7', 'iso-8859-1', '', '"', 'utf-8x', '"utf-8']
    for (const charset of refused) {
      const { status, error } = await post([['Content-Type', `${type}; charset=${charset}`]], GOOD)
      expect([status, error], charset).to.deep.equal([400, 'invalid_request'])
    }
    for (const suffix of ['; charset=utf-8; charset=utf-16', '; charset =utf-16', "; charset*=utf-8''x"]) {
      expect((await post([['Content-Type', type + suffix]], GOOD)).status, suffix).to.equal(400)
    }
  })

  it('S-002 with two media types is refused: who reads the other one reads another request', async () => {
    expect((await post([[...FORM], ['Content-Type', 'text/plain']], GOOD)).status).to.equal(400)
    expect((await post([[...FORM], [...FORM]], GOOD)).status).to.equal(400)
  })

  it('S-004 S-007 is the only place where parameters are looked for', async () => {
    const token = await signedIn()
    const query = `?grant_type=refresh_token&refresh_token=${token}&client_id=${client.id}&client_secret=${client.secret}`
    const before = keyturn.logger.lines.length
    const empty = await post([[...FORM]], '', `/oauth/token${query}`)
    expect([empty.status, empty.error_description]).to.deep.equal([400, 'grant_type is missing'])
    const merged = await post([[...FORM]], 'grant_type=refresh_token', `/oauth/token${query}`)
    expect([merged.status, merged.error_description]).to.deep.equal([400, 'refresh_token is missing'])
    const both = await post([[...FORM]], GOOD, '/oauth/token?grant_type=password&scope=admin')
    expect([both.status, both.scope]).to.deep.equal([200, 'read write'])
    const nobody = await sendRaw(keyturn.origin, request(`POST /oauth/introspect${query}`, [FORM], 'token=x'))
    expect(nobody?.status).to.equal(401)

    noteSecret(token)
    const logged = JSON.stringify(keyturn.logger.lines.slice(before))
    expect(logged).not.to.include(token).and.not.to.include(client.secret)
    expect((await keyturn.refresh(client, token)).status, 'nothing was consumed').to.equal(200)
  })

  const PARAMETERS = [
    'grant_type',
    'refresh_token',
    'scope',
    'client_id',
    'client_secret',
    'username',
    'password',
  ]
  for (const name of [...PARAMETERS, 'client_assertion', 'token', 'token_type_hint', 'x']) {
    it(`S-005 ${name} twice is refused, and nothing is consumed`, async () => {
      const token = await signedIn()
      for (const value of ['read', '', 'client_credentials', token]) {
        const form = `grant_type=refresh_token&refresh_token=${token}&${name}=read&${name}=${value}`
        const { status, error } = await post([[...FORM]], form)
        expect([status, error], value).to.deep.equal([400, 'invalid_request'])
      }
      expect((await keyturn.refresh(client, token)).status).to.equal(200)
    })
  }

  it('S-006 names with brackets are other names', async () => {
    const token = await signedIn()
    for (const form of [
      `grant_type=refresh_token&refresh_token[]=${token}`,
      'grant_type[0]=client_credentials',
    ]) {
      expect((await post([[...FORM]], form)).error).to.equal('invalid_request')
    }
    const { status, scope } = await post([[...FORM]], `${GOOD}&scope[a]=admin&scope%5B%5D=admin`)
    expect([status, scope]).to.deep.equal([200, 'read write'])
  })

  it('S-008 S-009 an empty parameter counts as left out, an unknown one as nothing', async () => {
    expect((await post([[...FORM]], `${GOOD}&scope=&resource=`)).scope).to.equal('read write')
    const { status, error_description } = await post([[...FORM]], 'grant_type=refresh_token&refresh_token=')
    expect([status, error_description]).to.deep.equal([400, 'refresh_token is missing'])
    const unknown = `${GOOD}&nonce=1&response_mode=x&redirect_uri=javascript:&callback=alert&%00=`.replace(
      '&%00=',
      '',
    )
    expect((await post([[...FORM]], unknown)).status).to.equal(200)
  })

  it('S-011 malformed bytes are refused in every field', async () => {
    const values = [
      '%zz',
      '%',
      '%4',
      '%C0%80',
      '%ED%A0%80',
      '%00',
      'a%00b',
      '\xe9',
      'a b',
      '%FF',
      '\0',
      '\x7f',
      '\t',
    ]
    for (const name of [...PARAMETERS, 'resource', 'token', 'x']) {
      for (const value of values) {
        const form = name === 'grant_type' ? `grant_type=${value}` : `grant_type=password&${name}=${value}`
        const { status, error } = await post([[...FORM]], form)
        expect([status, error], `${name}=${value}`).to.deep.equal([400, 'invalid_request'])
        expect((await post([[...FORM]], `${value}=x`)).status, `${value}=`).to.equal(400)
      }
    }
  })

  it('S-012 a compressed one is not inflated', async () => {
    const bomb = gzipSync(Buffer.alloc(1_000_000)).toString('latin1')
    for (const coding of ['gzip', 'deflate', 'br', 'GZIP', 'x-gzip', 'identity, gzip', 'zstd']) {
      const { status, error } = await post([[...FORM], ['Content-Encoding', coding]], bomb)
      expect([status, error], coding).to.deep.equal([415, 'invalid_request'])
    }
    const twice = await post(
      [[...FORM], ['Content-Encoding', 'identity'], ['Content-Encoding', 'gzip']],
      bomb,
    )
    expect(twice.status).to.equal(415)
    expect((await post([[...FORM], ['Content-Encoding', 'identity']], GOOD)).status, 'control').to.equal(200)
  })
})
