import { expect } from 'chai'
import { authenticatorRows } from '../../src/http/authenticators/list.ts'
import { type Answer, startApp, type TestApp } from '../support/app.ts'
import { runKeyturn } from '../support/keyturn-process.ts'
import { noteSecret } from '../support/secrets.ts'

const GREETING = { message: 'Hello, alice! You are authenticated.' }

async function startDoor(environment: Record<string, string> = {}): Promise<TestApp> {
  const keyturn = await startApp({ environment })
  await keyturn.createUser('alice')
  await (await keyturn.administration.clients()).enable('django', 'operator')
  return keyturn
}

async function makeKey(keyturn: TestApp, user?: string): Promise<{ id: string; key: string }> {
  const apiKeys = await keyturn.administration.apiKeys()
  const made = await apiKeys.create({ name: 'report', user }, 'operator')
  noteSecret(made.key)
  return made
}

const visit = (keyturn: TestApp, headers: Record<string, string>): Promise<Answer> =>
  keyturn.get('/api/protected/', headers)
const said = ({ status, body }: Answer) => [status, body]
const basic = (text: string, encoding: BufferEncoding = 'utf8') =>
  `Basic ${Buffer.from(text, encoding).toString('base64')}`

describe('the authenticators of the Django door', () => {
  it('6: an API key of a user’s is taken under its scheme, in any case', async () => {
    const keyturn = await startDoor()
    const { id, key } = await makeKey(keyturn, 'alice')
    for (const scheme of ['Api-Key', 'api-key', 'API-KEY']) {
      expect(said(await visit(keyturn, { authorization: `${scheme} ${key}` }))).to.deep.equal([200, GREETING])
    }
    // A header of its own is only a header until it is named.
    expect((await visit(keyturn, { 'x-api-key': key })).status).to.equal(401)
    await (await keyturn.administration.apiKeys()).revoke(id, 'operator')
    const refused = await visit(keyturn, { authorization: `Api-Key ${key}` })
    expect(said(refused)).to.deep.equal([401, { detail: 'Invalid API key.' }])
    expect(refused.headers.get('www-authenticate')).to.equal('Bearer realm="api"')
  })

  it('one of nobody’s is known, and may not', async () => {
    const keyturn = await startDoor()
    const { key } = await makeKey(keyturn)
    const detail = 'You do not have permission to perform this action.'
    expect(said(await visit(keyturn, { authorization: `Api-Key ${key}` }))).to.deep.equal([403, { detail }])
  })

  it('API keys come in a header of their own where one is named', async () => {
    const keyturn = await startDoor({ KEYTURN_API_KEY_HEADER: 'X-Api-Key' })
    const { key } = await makeKey(keyturn, 'alice')
    expect(said(await visit(keyturn, { 'x-api-key': key }))).to.deep.equal([200, GREETING])
    expect(said(await visit(keyturn, { authorization: `Api-Key ${key}` }))).to.deep.equal([200, GREETING])
    expect((await visit(keyturn, { 'x-api-key': `${key}x` })).status).to.equal(401)
    // 32: what comes first in the list decides, whatever comes after it.
    const both = { authorization: 'Bearer x', 'x-api-key': key }
    expect((await visit(keyturn, both)).body).to.include({ code: 'token_not_valid' })
  })

  it('37: Basic is off until it is switched on', async () => {
    const keyturn = await startDoor()
    const answer = await visit(keyturn, { authorization: basic(`alice:${keyturn.password}`) })
    const detail = 'Authentication credentials were not provided.'
    expect(said(answer)).to.deep.equal([401, { detail }])
  })

  it('37: Basic takes a username and a password, and says what is wrong with anything else', async () => {
    const keyturn = await startDoor({ KEYTURN_BASIC_AUTHENTICATION: '1' })
    const authorization = basic(`alice:${keyturn.password}`)
    noteSecret(authorization.slice(6))
    expect(said(await visit(keyturn, { authorization }))).to.deep.equal([200, GREETING])
    const malformed = 'Invalid basic header. '
    for (const [given, detail] of [
      ['Basic', `${malformed}No credentials provided.`],
      ['Basic a b', `${malformed}Credentials string should not contain spaces.`],
      ['Basic a', `${malformed}Credentials not correctly base64 encoded.`],
      [basic('alice'), `${malformed}Credentials not correctly base64 encoded.`],
      [basic('alice:wrong'), 'Invalid username/password.'],
      [basic('nobody:wrong'), 'Invalid username/password.'],
      [basic('\xe9:\xe9', 'latin1'), 'Invalid username/password.'],
    ] as const) {
      expect(said(await visit(keyturn, { authorization: given })), given).to.deep.equal([401, { detail }])
    }
    await (await keyturn.administration.users()).disable('alice', 'operator')
    const disabled = await visit(keyturn, { authorization })
    expect(disabled.body).to.deep.equal({ detail: 'Invalid username/password.' })
  })

  it('37: Basic is refused where somebody on the way could have read it', async () => {
    const on = { KEYTURN_BASIC_AUTHENTICATION: '1' }
    const [alone, behind] = [
      await startDoor(on),
      await startDoor({ ...on, KEYTURN_TRUSTED_PROXIES: '127.0.0.1' }),
    ]
    const status = async (keyturn: TestApp, headers: Record<string, string>) => {
      const authorization = basic(`alice:${keyturn.password}`)
      noteSecret(authorization.slice(6))
      return (await visit(keyturn, { authorization, ...headers })).status
    }
    expect(await status(alone, {})).to.equal(200)
    // A proxy that nobody told us of: whatever it says.
    expect(await status(alone, { 'x-forwarded-for': '192.0.2.1' })).to.equal(401)
    expect(await status(alone, { 'x-forwarded-proto': 'https' })).to.equal(401)
    expect(await status(behind, { 'x-forwarded-proto': 'https' })).to.equal(200)
    expect(await status(behind, { 'x-forwarded-proto': 'https, http' })).to.equal(401)
    expect(await status(behind, {})).to.equal(401)
  })

  it('36: keyturn authenticators prints the list by which requests are judged', async () => {
    const env = { KEYTURN_BASIC_AUTHENTICATION: '1', KEYTURN_API_KEY_HEADER: 'X-Api-Key' }
    const { code, stdout } = await runKeyturn(['authenticators', '--json'], { env })
    expect(code).to.equal(0)
    const rows = JSON.parse(stdout)
    const settings = { apiKeyHeader: 'X-Api-Key', basicAuthentication: true, restAuth: 'jwt' } as const
    expect(rows.map(({ scheme }: { scheme: string }) => scheme)).to.deep.equal(
      authenticatorRows(settings).map(({ scheme }) => scheme),
    )
    const text = (await runKeyturn(['authenticators'], {})).stdout
    expect(text).to.match(/^ORDER +SCHEME +HEADER +TAKES +CHALLENGE +ON +SETTING/)
    expect(text).to.match(/^4 +Basic .* no +KEYTURN_BASIC_AUTHENTICATION$/m)
  })
})
