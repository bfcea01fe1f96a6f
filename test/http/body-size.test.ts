import { expect } from 'chai'
import { basicAuthorization, startApp, type TestApp, type TestClient } from '../support/app.ts'
import { connectRaw, FORM, request, sendRaw } from '../support/raw-http.ts'

type Headers = [name: string, value: string][]
const GOOD = 'grant_type=client_credentials'

describe('the size of a body', () => {
  let keyturn: TestApp
  let client: TestClient
  let authorization: [string, string]
  before(async () => {
    keyturn = await startApp()
    client = await keyturn.createClient()
    authorization = ['Authorization', basicAuthorization(client)]
    await keyturn.createUser('alice')
  })

  it('S-010 may be 16 KiB, and not a byte more', async () => {
    const post = (length: number) =>
      sendRaw(
        keyturn.origin,
        request('POST /oauth/token', [FORM, authorization], `${GOOD}&x=`.padEnd(length, 'a')),
      )
    expect((await post(16_384))?.status).to.equal(200)
    const refused = await post(16_385)
    expect([refused?.status, JSON.parse(refused?.body ?? '').error]).to.deep.equal([413, 'invalid_request'])
  })

  it('S-010 over the limit closes the connection at once, announced or not, sent or not', async () => {
    const head = (...headers: Headers) => request('POST /oauth/token', [FORM, authorization, ...headers])
    const ways: [what: string, bytes: string][] = [
      ['announced and not sent', head(['Content-Length', '16385'])],
      ['announced and sent', head(['Content-Length', '1000000']) + 'a'.repeat(1_000_000)],
      ['in one chunk', `${head(['Transfer-Encoding', 'chunked'])}4e20\r\n${'a'.repeat(20_000)}`],
      [
        'in small chunks',
        head(['Transfer-Encoding', 'chunked']) + `64\r\n${'a'.repeat(100)}\r\n`.repeat(200),
      ],
      ['of no known form', request('POST /oauth/token', [['Content-Length', '99999999']])],
    ]
    for (const [what, bytes] of ways) {
      const connection = await connectRaw(keyturn.origin)
      connection.write(bytes)
      const answer = await connection.next()
      expect([answer?.status, answer?.header('connection')], what).to.deep.equal([413, 'close'])
      await connection.ended
    }
  })

  it('S-010 that nobody reads closes the connection, too', async () => {
    for (const line of ['POST /nothing', 'GET /livez', 'PUT /oauth/token']) {
      const connection = await connectRaw(keyturn.origin)
      connection.write(request(line, [['Content-Length', '9999999999']]) + 'a'.repeat(100_000))
      expect((await connection.next())?.header('connection'), line).to.equal('close')
      await connection.ended
    }
  })

  it('S-010 that arrives late leaves the connection usable, however wrong it is', async () => {
    const connection = await connectRaw(keyturn.origin)
    const wrong: [Headers, string][] = [
      [[['Content-Type', 'application/json']], '{"grant_type":"client_credentials"}'],
      [[[...FORM], ['Content-Encoding', 'gzip']], 'x'],
      [[[...FORM]], '%'],
    ]
    for (const [headers, body] of wrong) {
      const whole = request('POST /oauth/token', headers, body)
      connection.write(whole.slice(0, -body.length))
      connection.write(body)
      expect((await connection.next())?.header('connection')).to.equal('keep-alive')
    }
    connection.write(request('GET /livez'))
    expect((await connection.next())?.status).to.equal(200)
    connection.close()
  })

  it('S-010 that is shorter than announced is cut off, and no request', async () => {
    const token = (await keyturn.signIn(client, 'alice')).body.refresh_token as string
    const form = `grant_type=refresh_token&refresh_token=${token}`
    const before = keyturn.logger.lines.length
    const connection = await connectRaw(keyturn.origin)
    connection.write(request('POST /oauth/token', [FORM, authorization, ['Content-Length', '9999']]) + form)
    connection.write(request('GET /livez'))
    connection.end()
    await connection.ended
    const refusals = keyturn.logger.lines.slice(before).filter(({ message }) => message === 'refused')
    expect(refusals.map(({ fields }) => fields['status'])).to.include(400)
    expect((await keyturn.refresh(client, token)).status, 'nothing was consumed').to.equal(200)
  })
})
