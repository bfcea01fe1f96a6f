import { expect } from 'chai'
import { MODES, type TestApp } from '../support/app.ts'
import { openAccountDoor, said } from './account-door.ts'

const NEW = 'tulip-9-harbour'
const change = { new_password1: NEW, new_password2: NEW }
const SAVED = [200, { detail: 'New password has been saved.' }]
const NOT_ALLOWED = [403, { detail: 'You do not have permission to perform this action.' }]

async function events(keyturn: TestApp): Promise<string[]> {
  return (await (await keyturn.administration.audit()).tail({ limit: 50 })).map(({ event }) => event)
}

for (const mode of MODES) {
  describe(`a user’s own new password, ${mode}`, () => {
    it('18: it is set, the session goes on, and every other session, authtoken and key has ended', async () => {
      const { keyturn, post, login, bearer } = await openAccountDoor({ mode })
      const here = (await login()).body
      const elsewhere = (await login()).body
      const { token } = (
        await keyturn.send(
          'POST',
          '/api-token-auth/',
          new URLSearchParams({ username: 'alice', password: keyturn.password }),
        )
      ).body
      expect(said(await post('password/change/', change, bearer(here.access)))).to.deep.equal(SAVED)
      expect((await keyturn.get('/dj-rest-auth/user/', bearer(here.access))).status).to.equal(200)
      expect((await post('token/refresh/', { refresh: here.refresh })).status).to.equal(200)
      expect((await post('token/refresh/', { refresh: elsewhere.refresh })).status).to.equal(401)
      for (const authorization of [`Bearer ${elsewhere.access}`, `Token ${token}`])
        expect((await keyturn.get('/api/protected/', { authorization })).status).to.equal(401)
      expect((await login()).status).to.equal(400)
      expect((await login(NEW)).status).to.equal(200)
      expect(await events(keyturn)).to.include('user.password_changed')
    })
  })
}

describe('a user’s own new password', () => {
  it('18: what is wrong with it is said in Django’s words, and nothing has changed', async () => {
    const { keyturn, post, login, bearer } = await openAccountDoor()
    const { access } = (await login()).body
    const refused = async (body: object) => said(await post('password/change/', body, bearer(access)))
    expect(await refused({})).to.deep.equal([
      400,
      { new_password1: ['This field is required.'], new_password2: ['This field is required.'] },
    ])
    const differ = { new_password2: ['The two password fields didn’t match.'] }
    expect(await refused({ ...change, new_password2: 'another' })).to.deep.equal([400, differ])
    const same = (password: string) => ({ new_password1: password, new_password2: password })
    expect(await refused(same('123456'))).to.deep.equal([
      400,
      {
        new_password2: [
          'This password is too short. It must contain at least 8 characters.',
          'This password is too common.',
          'This password is entirely numeric.',
        ],
      },
    ])
    const similar = { new_password2: ['The password is too similar to the email address.'] }
    expect(await refused(same('example.com'))).to.deep.equal([400, similar])
    const long = ['Ensure this field has no more than 128 characters.']
    expect(await refused(same('x'.repeat(129)))).to.deep.equal([
      400,
      { new_password1: long, new_password2: long },
    ])
    expect((await login()).status).to.equal(200)
    expect(await events(keyturn)).not.to.include('user.password_changed')
  })

  it('an old password is checked where there is one, and required where that was asked for', async () => {
    const wrong = [
      400,
      { old_password: ['Your old password was entered incorrectly. Please enter it again.'] },
    ]
    const { keyturn, post, login, bearer } = await openAccountDoor({
      environment: { KEYTURN_OLD_PASSWORD_FIELD: '1' },
    })
    const { access } = (await login()).body
    const required = { old_password: ['This field is required.'] }
    const headers = bearer(access)
    expect(said(await post('password/change/', change, headers))).to.deep.equal([400, required])
    expect(said(await post('password/change/', { ...change, old_password: 'wrong' }, headers))).to.deep.equal(
      wrong,
    )
    expect((await login()).status).to.equal(200)
    const right = { ...change, old_password: keyturn.password }
    expect(said(await post('password/change/', right, headers))).to.deep.equal(SAVED)

    const without = await openAccountDoor()
    const given = { ...change, old_password: 'wrong' }
    const session = without.bearer((await without.login()).body.access)
    expect(said(await without.post('password/change/', given, session))).to.deep.equal(wrong)
  })

  it('it needs the user: no key of a program, no token of a client that may not manage the account', async () => {
    const { keyturn, post, login } = await openAccountDoor()
    const set = async (authorization?: string) =>
      said(await post('password/change/', change, authorization === undefined ? {} : { authorization }))
    expect((await set())[0]).to.equal(401)
    const apiKeys = await keyturn.administration.apiKeys()
    const { key } = await apiKeys.create({ name: 'robot', user: 'alice', scopes: ['read'] }, 'operator')
    expect(await set(`Api-Key ${key}`)).to.deep.equal(NOT_ALLOWED)
    const { issuer } = keyturn.config
    const reader = await keyturn.createClient({ audiences: [issuer], scopes: ['read', 'account'] })
    const asReader = (await keyturn.signIn(reader, 'alice', { scope: 'read' })).body.access_token
    expect(await set(`Bearer ${asReader}`)).to.deep.equal(NOT_ALLOWED)
    expect((await login()).status).to.equal(200)
    // Control: the same client, allowed to.
    const asAccount = (await keyturn.signIn(reader, 'alice', { scope: 'account' })).body.access_token
    expect(await set(`Bearer ${asAccount}`)).to.deep.equal(SAVED)
  })

  it('with keys: it is set, and the key is another one at the next login', async () => {
    const { post, login } = await openAccountDoor({ environment: { KEYTURN_REST_AUTH: 'key' } })
    const authorization = `Token ${(await login()).body.key}`
    expect(said(await post('password/change/', change, { authorization }))).to.deep.equal(SAVED)
    expect((await post('password/change/', change, { authorization })).status).to.equal(401)
    expect((await login(NEW)).body.key).to.match(/^[0-9a-f]{40}$/)
  })
})
