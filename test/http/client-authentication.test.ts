import { expect } from 'chai'
import { makeClientSecret } from '../../src/clients/client-secret.ts'
import { basicAuthorization, startApp, type TestApp, type TestClient } from '../support/app.ts'
import { FORM, type RawAnswer, request, sendRaw } from '../support/raw-http.ts'

/** Every endpoint where a client authenticates, and a form that it takes. */
const ENDPOINTS: readonly [path: string, form: string][] = [
  ['/oauth/token', 'grant_type=client_credentials'],
  ['/oauth/introspect', 'token=x'],
  ['/oauth/revoke', 'token=x'],
]
const escapeAll = (text: string) => Buffer.from(text, 'utf8').toString('hex').replaceAll(/../g, '%$&')
const basic = (credentials: string) => `Basic ${Buffer.from(credentials, 'utf8').toString('base64')}`

describe('client authentication over HTTP', () => {
  let keyturn: TestApp
  let client: TestClient
  let secret: string
  before(async () => {
    keyturn = await startApp()
    client = await keyturn.createClient()
    secret = client.secret ?? ''
    await keyturn.createUser('alice')
  })

  async function post(path: string, form: string, ...headers: [string, string][]): Promise<RawAnswer> {
    const answer = await sendRaw(keyturn.origin, request(`POST ${path}`, [FORM, ...headers], form))
    if (!answer) throw new Error('no answer')
    return answer
  }
  const refreshToken = async () => (await keyturn.signIn(client, 'alice')).body.refresh_token as string
  const errorOf = ({ body }: RawAnswer) => JSON.parse(body).error as string

  for (const [path, form] of ENDPOINTS) {
    describe(path, () => {
      it('S-030 S-031 takes Basic however it is encoded, and in any case of the scheme', async () => {
        const spellings = [
          basicAuthorization(client),
          basic(`${client.id}:${secret}`),
          basic(`${escapeAll(client.id)}:${escapeAll(secret)}`),
          basic(`${client.id}:${secret}`).replace('Basic', 'bAsIc'),
        ]
        for (const spelling of spellings) {
          expect((await post(path, form, ['Authorization', spelling])).status, spelling).to.equal(200)
        }
        const inBody = `${form}&client_id=${client.id}&client_secret=${secret}`
        expect((await post(path, inBody)).status, 'in the body').to.equal(200)
      })

      it('S-031 answers 401 and a challenge to what is no Basic', async () => {
        const good = basic(`${client.id}:${secret}`)
        const broken = [
          'Basic',
          'Basic !!!',
          basic(client.id),
          'Basic w6k6w6k',
          `${good}=`,
          'Bearer x',
          good.slice(6),
        ]
        const nonUtf8 = `Basic ${Buffer.from([0xff, 0x3a, 0xff]).toString('base64')}`
        for (const authorization of [...broken, nonUtf8, `Basic ${'A'.repeat(15_000)}`, '\xff\xfe']) {
          const answer = await post(path, form, ['Authorization', authorization])
          expect([answer.status, errorOf(answer)], authorization).to.deep.equal([401, 'invalid_client'])
          expect(answer.header('www-authenticate')).to.equal('Basic realm="keyturn", charset="UTF-8"')
        }
        const twice = await post(path, form, ['Authorization', good], ['Authorization', good])
        expect([twice.status, errorOf(twice)]).to.deep.equal([401, 'invalid_client'])
        const largest = await post(path, form, ['Authorization', `Basic ${'A'.repeat(16_384)}`])
        expect(largest.status).to.equal(431)
      })

      it('S-032 refuses two ways at once', async () => {
        const header: [string, string] = ['Authorization', basicAuthorization(client)]
        for (const more of [`client_secret=${secret}`, 'client_assertion=eyJ']) {
          const answer = await post(path, `${form}&${more}`, header)
          expect([answer.status, errorOf(answer)], more).to.deep.equal([400, 'invalid_request'])
        }
      })

      it('S-033 refuses two ids', async () => {
        const other = await keyturn.createClient()
        const answer = await post(path, `${form}&client_id=${other.id}`, [
          'Authorization',
          basicAuthorization(client),
        ])
        expect([answer.status, errorOf(answer)]).to.deep.equal([400, 'invalid_request'])
      })

      it('S-034 an unknown client, a wrong secret and a disabled client cannot be told apart', async () => {
        const disabled = await keyturn.createClient()
        await (await keyturn.administration.clients()).disable(disabled.id, 'operator')
        const attempts: [id: string, secret: string][] = [
          ['client_0123456789abcdef0123', makeClientSecret()],
          [client.id, makeClientSecret()],
          [client.id, 'x'],
          [client.id, ''],
          [client.id, secret.slice(0, -1)],
          [disabled.id, disabled.secret ?? ''],
          ['no such id', secret],
        ]
        const seen: unknown[] = []
        for (const [id, attempt] of attempts) {
          const answer = await post(path, form, [
            'Authorization',
            basicAuthorization({ id, secret: attempt }),
          ])
          const headers = answer.headers.filter(([name]) => name !== 'x-request-id' && name !== 'date')
          seen.push({ status: answer.status, body: answer.body, headers })
          expect(seen.at(-1), `${id} ${attempt}`).to.deep.equal(seen[0])
        }
        expect(seen[0]).to.deep.include({
          status: 401,
          body: '{"error":"invalid_client","error_description":"client authentication failed"}',
        })
      })

      it('S-035 a confidential client that shows no secret is refused', async () => {
        for (const fields of [
          form,
          `${form}&client_id=${client.id}`,
          `${form}&client_id=${client.id}&client_secret=`,
        ]) {
          const answer = await post(path, fields)
          expect([answer.status, errorOf(answer)], fields).to.deep.equal([401, 'invalid_client'])
        }
      })

      it('S-037 a method that the client is not registered for is refused', async () => {
        const { id, secret: own = '' } = await keyturn.createClient()
        await keyturn.stores.database.query(
          "update clients set authentication_methods = '{client_secret_basic}' where id = $1",
          [id],
        )
        const inBody = await post(path, `${form}&client_id=${id}&client_secret=${own}`)
        expect([inBody.status, errorOf(inBody)]).to.deep.equal([401, 'invalid_client'])
        const inHeader = await post(path, form, ['Authorization', basicAuthorization({ id, secret: own })])
        expect(inHeader.status, 'control').to.equal(200)
      })

      it('S-041 an id that nobody can have is an unknown client, whatever it means to whom', async () => {
        const ids = [
          '*',
          "' or true --",
          '$1',
          'client_*',
          '{client}',
          '\u202etneilc',
          'сlient_1',
          '../x',
          'x'.repeat(10_240),
        ]
        for (const id of [
          ...ids,
          'constructor',
          '__proto__',
          'redis.call("flushall")',
          `${client.id}\r\nX: y`,
          `${client.id} `,
        ]) {
          const answer = await post(path, form, ['Authorization', basicAuthorization({ id, secret })])
          expect([answer.status, errorOf(answer)], id.slice(0, 40)).to.deep.equal([401, 'invalid_client'])
          const inBody = await post(
            path,
            `${form}&${new URLSearchParams({ client_id: id, client_secret: secret })}`,
          )
          expect([inBody.status, errorOf(inBody)], id.slice(0, 40)).to.deep.equal([401, 'invalid_client'])
        }
        const nul = await post(path, form, ['Authorization', basic(`${client.id}%00:${secret}`)])
        expect([nul.status, errorOf(nul)]).to.deep.equal([401, 'invalid_client'])
      })
    })
  }

  it('S-033 S-035 what is refused so consumes nothing: the refresh token still works', async () => {
    const token = await refreshToken()
    const form = `grant_type=refresh_token&refresh_token=${token}`
    const header: [string, string] = ['Authorization', basicAuthorization(client)]
    const refused = [
      await post('/oauth/token', `${form}&client_id=client_of_another`, header),
      await post('/oauth/token', `${form}&client_secret=${secret}`, header),
      await post('/oauth/token', `${form}&client_id=${client.id}`),
      await post('/oauth/token', form, ['Authorization', basicAuthorization({ ...client, secret: 'wrong' })]),
      await post('/oauth/revoke', `token=${token}`, [
        'Authorization',
        basicAuthorization({ ...client, secret: 'wrong' }),
      ]),
    ]
    expect(refused.map(({ status }) => status)).to.deep.equal([400, 400, 401, 401, 401])
    expect((await keyturn.refresh(client, token)).status).to.equal(200)
  })

  it('S-036 a public client presents no secret, cannot act for itself, and may not introspect', async () => {
    const { id } = await keyturn.createClient({ isPublic: true })
    const withSecret = await post(
      '/oauth/token',
      `grant_type=refresh_token&refresh_token=x&client_id=${id}&client_secret=x`,
    )
    expect(errorOf(withSecret), 'no token comes first').to.equal('invalid_grant')
    const token = await refreshToken()
    for (const answer of [
      await post(
        '/oauth/token',
        `grant_type=refresh_token&refresh_token=${token}&client_id=${id}&client_secret=x`,
      ),
      await post('/oauth/token', `grant_type=refresh_token&refresh_token=${token}`, [
        'Authorization',
        basic(`${id}:`),
      ]),
      await post('/oauth/introspect', `token=${token}&client_id=${id}`),
    ]) {
      expect([answer.status, errorOf(answer)]).to.deep.equal([401, 'invalid_client'])
    }
    const forItself = await post('/oauth/token', `grant_type=client_credentials&client_id=${id}`)
    expect([forItself.status, errorOf(forItself)]).to.deep.equal([400, 'unauthorized_client'])
    expect((await post('/oauth/revoke', `token=${token}&client_id=${id}`)).status, 'it may revoke').to.equal(
      200,
    )
    expect((await keyturn.refresh(client, token)).status, 'but not what is not its own').to.equal(200)
  })

  it('S-039 disabling a client or taking its grant is felt by the next request', async () => {
    const one = await keyturn.createClient()
    const { refresh_token: token, access_token: access } = (await keyturn.signIn(one, 'alice')).body
    const { database } = keyturn.stores
    await database.query("update clients set grants = '{password}' where id = $1", [one.id])
    expect((await keyturn.refresh(one, token)).body.error).to.equal('unauthorized_client')
    await database.query("update clients set grants = '{password,refresh_token}' where id = $1", [one.id])
    expect((await keyturn.refresh(one, token)).status, 'nothing was consumed').to.equal(200)
    await (await keyturn.administration.clients()).disable(one.id, 'operator')
    for (const [path, form] of ENDPOINTS) {
      const answer = await post(path, form, ['Authorization', basicAuthorization(one)])
      expect([answer.status, errorOf(answer)], path).to.deep.equal([401, 'invalid_client'])
    }
    const server = await keyturn.createClient({ grants: [], audiences: ['https://api.example.com'] })
    expect((await keyturn.post('/oauth/introspect', { token: access }, server)).body).to.deep.equal({
      active: false,
    })
  })

  it('S-040 both secrets are taken while they overlap', async () => {
    const { id, secret: old = '' } = await keyturn.createClient()
    const { secret: next } = await (await keyturn.administration.clients()).rotateSecret(id, 'operator')
    for (const one of [old, next]) {
      const answer = await keyturn.post(
        '/oauth/token',
        { grant_type: 'client_credentials' },
        { id, secret: one },
      )
      expect(answer.status).to.equal(200)
    }
  })
})
