import { randomBytes } from 'node:crypto'
import { expect } from 'chai'
import { type Answer, MODES, startApp, type TestApp } from '../support/app.ts'
import { noteSecret } from '../support/secrets.ts'

const JSON_TYPE = { 'content-type': 'application/json' }
const LOGIN = '/api-token-auth/'
const GREETING = { message: 'Hello, alice! You are authenticated.' }

for (const mode of MODES) {
  describe(`the Django door, authtoken, ${mode}`, () => {
    let keyturn: TestApp
    beforeEach(async () => {
      keyturn = await startApp({ mode })
      await keyturn.createUser('alice')
      await (await keyturn.administration.clients()).enable('django', 'operator')
    })

    const post = (body: unknown): Promise<Answer> =>
      keyturn.send('POST', LOGIN, JSON.stringify(body), JSON_TYPE)
    const credentials = () => ({ username: 'alice', password: keyturn.password })
    const signIn = async (): Promise<string> => (await post(credentials())).body.token
    const ask = (authorization: string) => keyturn.get('/api/protected/', { authorization })
    const said = ({ status, body }: Answer) => [status, body]

    it('1, 14, 17: a login shows the user’s own key, the same one each time', async () => {
      const first = await post(credentials())
      expect(first.status).to.equal(200)
      expect(Object.keys(first.body)).to.deep.equal(['token'])
      expect(first.body.token).to.match(/^[0-9a-f]{40}$/)
      expect(await signIn()).to.equal(first.body.token)
      await keyturn.createUser('bob')
      expect((await post({ ...credentials(), username: 'bob' })).body.token).not.to.equal(first.body.token)
    })

    it('1, 3, 15: it is taken after Token and after Bearer, in any case', async () => {
      const token = await signIn()
      for (const scheme of ['Token', 'token', 'Bearer', 'BEARER'])
        expect(said(await ask(`${scheme} ${token}`)), scheme).to.deep.equal([200, GREETING])
    })

    it('gives one answer to an unknown name, a wrong password and a disabled user', async () => {
      await keyturn.createUser('bob')
      await (await keyturn.administration.users()).disable('bob', 'operator')
      const refused = [400, { non_field_errors: ['Unable to log in with provided credentials.'] }]
      for (const [username, password] of [
        ['nobody', keyturn.password],
        ['alice', 'wrong'],
        ['alice', ` ${keyturn.password}`], // a password is taken as it is
        ['bob', keyturn.password],
      ])
        expect(said(await post({ username, password }))).to.deep.equal(refused)
      expect(Object.keys((await post({})).body)).to.deep.equal(['username', 'password'])
    })

    it('33, 34: says what is wrong with a key, and asks nobody else', async () => {
      const token = await signIn()
      const wrong = async (authorization: string) => {
        const answer = await ask(authorization)
        expect(answer.status, authorization).to.equal(401)
        expect(answer.headers.get('www-authenticate'), 'of the first').to.equal('Bearer realm="api"')
        return answer.body.detail
      }
      expect(await wrong('Token')).to.equal('Invalid token header. No credentials provided.')
      expect(await wrong(`Token ${token} x`)).to.equal(
        'Invalid token header. Token string should not contain spaces.',
      )
      expect(await wrong('Token \xe9')).to.equal(
        'Invalid token header. Token string should not contain invalid characters.',
      )
      for (const key of ['x', randomBytes(20).toString('hex'), token.toUpperCase()])
        expect(await wrong(`Token ${key}`)).to.equal('Invalid token.')
      await (await keyturn.administration.users()).disable('alice', 'operator')
      expect(await wrong(`Token ${token}`)).to.equal('User inactive or deleted.')
    })

    it('44, 45: a new password and logging out everywhere end the key, and the next login shows another', async () => {
      const first = await signIn()
      const users = await keyturn.administration.users()
      const password = 'another battery, another staple'
      noteSecret(password)
      await users.setPassword('alice', password, 'operator')
      expect((await ask(`Token ${first}`)).status).to.equal(401)
      const second = (await post({ username: 'alice', password })).body.token
      expect(second).not.to.equal(first)
      await (await keyturn.administration.sessions()).endOfUser('alice', 'operator')
      expect((await ask(`Token ${second}`)).status).to.equal(401)
    })

    it('is not there while the client of the door is disabled', async () => {
      const token = await signIn()
      await (await keyturn.administration.clients()).disable('django', 'operator')
      expect((await post(credentials())).status).to.equal(404)
      expect((await post({})).status).to.equal(404)
      expect((await ask(`Token ${token}`)).status).to.equal(404)
    })
  })
}
