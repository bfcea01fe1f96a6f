import { expect } from 'chai'
import type { Database } from '../../src/postgres/database.ts'
import { Unavailable } from '../../src/unavailable.ts'
import { openTestStores, startApp, type TestApp, type TestClient } from '../support/app.ts'
import { connectRaw, FORM, request, sendRaw } from '../support/raw-http.ts'

const SECRET = 'secret detail of row (alice, $argon2id$…)'

describe('an unexpected error', () => {
  let keyturn: TestApp
  let client: TestClient
  /** What the database throws instead of answering, while there is something. */
  let fault: unknown

  before(async () => {
    const stores = await openTestStores('small')
    const { database } = stores
    const faulty: Database = {
      ...database,
      query: (sql, values) => (fault === undefined ? database.query(sql, values) : Promise.reject(fault)),
      run: (statement, values) =>
        fault === undefined ? database.run(statement, values) : Promise.reject(fault),
      transaction: (work) => (fault === undefined ? database.transaction(work) : Promise.reject(fault)),
    }
    keyturn = await startApp({ stores: { ...stores, database: faulty } })
    client = await keyturn.createClient()
    await keyturn.createUser('alice')
  })
  afterEach(() => {
    fault = undefined
  })

  const forms: [path: string, form: Record<string, string>][] = [
    ['/oauth/token', { grant_type: 'client_credentials' }],
    ['/oauth/token', { grant_type: 'password', username: 'alice', password: 'x' }],
    ['/oauth/introspect', { token: 'x' }],
    ['/oauth/revoke', { token: 'x' }],
  ]
  const thrown: [what: string, value: unknown][] = [
    ['an Error', new Error(SECRET)],
    [
      'a driver’s error',
      Object.assign(new Error(SECRET), { code: '23502', detail: SECRET, status: 418, expose: true }),
    ],
    [
      'an error with headers',
      Object.assign(new Error(SECRET), { statusCode: 200, headers: { 'x-leak': SECRET } }),
    ],
    ['text', SECRET],
    ['an object', { message: SECRET, toString: () => SECRET }],
    ['null', null],
  ]
  for (const [what, value] of thrown) {
    it(`S-028 that is ${what} shows the id of the request and nothing else`, async () => {
      for (const [path, form] of forms) {
        fault = value
        const { status, headers, text, body } = await keyturn.post(path, form, client)
        fault = undefined
        expect(status, path).to.equal(500)
        expect(body).to.deep.equal({ error: 'server_error', request_id: headers.get('x-request-id') })
        expect(JSON.stringify([...headers]) + text).not.to.match(
          /secret|detail|argon2|alice|\.ts|node_modules|x-leak/,
        )
        expect(headers.get('cache-control')).to.equal('no-store')
        const logged = keyturn.logger.lines.findLast(({ level }) => level === 'error')?.fields
        expect(logged, 'the log has the error itself').to.include({ err: value, path })
      }
    })
  }

  it('S-028 leaves the connection and the process as they were', async () => {
    const connection = await connectRaw(keyturn.origin)
    const form = `grant_type=client_credentials&client_id=${client.id}&client_secret=${client.secret}`
    for (const [value, status] of [
      [new Error(SECRET), 500],
      [undefined, 200],
      [new Error(SECRET), 500],
      [undefined, 200],
    ] as const) {
      fault = value
      connection.write(request('POST /oauth/token', [FORM], form))
      expect((await connection.next())?.status).to.equal(status)
    }
    connection.close()
  })

  it('S-028 "we do not know" is 503, says when to come back, and not what is wrong', async () => {
    for (const [path, form] of forms) {
      fault = new Unavailable('postgres', 'no answer from db.internal:5432', {
        cause: new Error(SECRET),
        retryAfterSeconds: 3,
      })
      const { status, headers, text, body } = await keyturn.post(path, form, client)
      fault = undefined
      expect([status, body.error, headers.get('retry-after')]).to.deep.equal([
        503,
        'temporarily_unavailable',
        '3',
      ])
      expect(text).not.to.match(/postgres|db\.internal|secret/)
    }
  })

  it('S-162 what is answered from memory goes on', async () => {
    fault = new Error(SECRET)
    for (const path of ['/livez', '/.well-known/jwks.json', '/.well-known/openid-configuration']) {
      expect((await sendRaw(keyturn.origin, request(`GET ${path}`)))?.status, path).to.equal(200)
    }
  })
})
