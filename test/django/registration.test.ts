import { expect } from 'chai'
import { MODES } from '../support/app.ts'
import { keyIn, openAccountDoor, openMailDoor, said } from './account-door.ts'

const PASSWORD = 'tulip-9-harbour'
const bob = { username: 'bob', email: 'bob@example.com', password1: PASSWORD, password2: PASSWORD }
const OPEN = { KEYTURN_REGISTRATION: 'open' }
const VERIFY = { ...OPEN, KEYTURN_VERIFY_EMAIL_URL: 'https://app.example.com/verify/{key}' }
const MANDATORY = { ...VERIFY, KEYTURN_EMAIL_VERIFICATION: 'mandatory' }
const SENT = [201, { detail: 'Verification e-mail sent.' }]
const OK = [200, { detail: 'ok' }]
const NOT_FOUND = [404, { detail: 'Not found.' }]

for (const mode of MODES) {
  describe(`a registration, ${mode}`, () => {
    it('18, 30: it makes a user, who is signed in with it', async () => {
      const { keyturn, post, login, bearer } = await openAccountDoor({ mode, environment: OPEN })
      const made = await post('registration/', bob)
      expect(made.status).to.equal(201)
      expect(Object.keys(made.body)).to.deep.equal(['access', 'refresh', 'user'])
      expect(made.body.user).to.include({
        username: 'bob',
        email: 'bob@example.com',
        first_name: '',
        last_name: '',
      })
      expect(said(await keyturn.get('/dj-rest-auth/user/', bearer(made.body.access)))).to.deep.equal([
        200,
        made.body.user,
      ])
      expect((await post('token/refresh/', { refresh: made.body.refresh })).status).to.equal(200)
      expect((await login(PASSWORD, 'bob@example.com')).body.user).to.deep.equal(made.body.user)
      const user = await (await keyturn.administration.users()).show('bob')
      expect(user).to.include({ isActive: true, isStaff: false, isSuperuser: false })
      const rows = await (await keyturn.administration.audit()).tail({ limit: 50 })
      const created = rows.find(({ event, userId }) => event === 'user.created' && userId === user.id)
      expect(created).to.deep.include({ actor: `user:${user.id}` })
      expect(created?.details).to.include({ registered: true })
    })

    it('18: with mandatory verification nobody signs in before the link was used; it is good once', async () => {
      const { keyturn, post, login, sink } = await openMailDoor({ mode, environment: MANDATORY })
      expect(said(await post('registration/', bob))).to.deep.equal(SENT)
      const unverified = [400, { non_field_errors: ['E-mail is not verified.'] }]
      expect(said(await login(PASSWORD, 'bob'))).to.deep.equal(unverified)
      // Told only to who knows the password.
      const refused = [400, { non_field_errors: ['Unable to log in with provided credentials.'] }]
      expect(said(await login('wrong', 'bob'))).to.deep.equal(refused)
      expect((await keyturn.signIn({ id: 'django' }, 'bob', { password: PASSWORD })).status).to.equal(400)
      const key = await keyIn(sink, 0)
      expect(sink.mails[0]?.to).to.deep.equal(['bob@example.com'])
      expect(said(await post('registration/verify-email/', { key: 'A'.repeat(43) }))).to.deep.equal(NOT_FOUND)
      expect(said(await post('registration/verify-email/', { key }))).to.deep.equal(OK)
      expect(said(await post('registration/verify-email/', { key }))).to.deep.equal(NOT_FOUND)
      expect((await login(PASSWORD, 'bob')).status).to.equal(200)
    })
  })
}

describe('a registration', () => {
  it('17: with keys it answers with one, and the logins after it with the same', async () => {
    const environment = { ...OPEN, KEYTURN_REST_AUTH: 'key' }
    const { keyturn, post, login } = await openAccountDoor({ environment })
    const made = await post('registration/', bob)
    expect([made.status, Object.keys(made.body)]).to.deep.equal([201, ['key']])
    expect(made.body.key).to.match(/^[0-9a-f]{40}$/)
    for (let count = 0; count < 2; count++)
      expect((await login(PASSWORD, 'bob')).body).to.deep.equal({ key: made.body.key })
    expect(
      (await keyturn.get('/api/protected/', { authorization: `Token ${made.body.key}` })).status,
    ).to.equal(200)
  })

  it('26: where every new user gets an authtoken, so does who registers', async () => {
    const count = async (environment: Record<string, string>) => {
      const { keyturn, post } = await openAccountDoor({ environment: { ...OPEN, ...environment } })
      expect((await post('registration/', bob)).status).to.equal(201)
      const tokens = await (await keyturn.administration.authtokens()).list('bob', 10)
      return tokens.length
    }
    expect(await count({ KEYTURN_AUTHTOKEN_WITH_USER: '1' })).to.equal(1)
    expect(await count({})).to.equal(0)
  })

  it('18: with cookies it sets them, and not for another site', async () => {
    const environment = { ...OPEN, KEYTURN_REST_AUTH: 'cookie' }
    const { keyturn, post } = await openAccountDoor({ environment })
    const foreign = await post('registration/', bob, { origin: 'https://evil.example' })
    expect(foreign.status).to.equal(403)
    const made = await post('registration/', bob, { origin: keyturn.config.issuer })
    expect([made.status, made.body.refresh]).to.deep.equal([201, ''])
    expect(made.headers.getSetCookie()).to.have.length(3)
  })

  it('18: what is wrong with it is said in its words, all at once, and nobody is made', async () => {
    const { keyturn, post } = await openAccountDoor({ environment: OPEN })
    const refused = async (body: object) => said(await post('registration/', { ...bob, ...body }))
    const required = ['This field is required.']
    const nothing = { username: required, password1: required, password2: required }
    expect(said(await post('registration/', {}))).to.deep.equal([400, nothing])
    const taken = {
      username: ['A user with that username already exists.'],
      email: ['User is already registered with this e-mail address.'],
      password1: [
        'This password is too short. It must contain at least 8 characters.',
        'This password is too common.',
        'This password is entirely numeric.',
      ],
    }
    const worst = { username: 'ALICE', email: 'Alice@Example.com', password1: '123456', password2: '123456' }
    expect(await refused(worst)).to.deep.equal([400, taken])
    const differ = { non_field_errors: ["The two password fields didn't match."] }
    expect(await refused({ password2: 'another' })).to.deep.equal([400, differ])
    expect(await refused({ email: 'bob' })).to.deep.equal([400, { email: ['Enter a valid email address.'] }])
    const invalid =
      'Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_ characters.'
    expect(await refused({ username: 'bob the builder' })).to.deep.equal([400, { username: [invalid] }])
    const similar = { password1: ['The password is too similar to the username.'] }
    const same = { username: 'harbourmaster', password1: 'harbourmaster1', password2: 'harbourmaster1' }
    expect(await refused(same)).to.deep.equal([400, similar])
    const foreign = { username: ['A username that is an e-mail address must be the address of the account.'] }
    expect(await refused({ username: 'victim@example.com' })).to.deep.equal([400, foreign])
    const users = await keyturn.administration.users()
    expect((await users.list(10)).map(({ username }) => username)).to.deep.equal(['alice'])
    // Control; an address is not needed, and one's own may be the username.
    expect((await refused({ email: '' }))[0]).to.equal(201)
    expect((await refused({ username: 'carol@example.com', email: 'carol@example.com' }))[0]).to.equal(201)
  })

  it('nor does a user take another’s address as a username later', async () => {
    const { keyturn, post, bearer } = await openAccountDoor({ environment: OPEN })
    const { access } = (await post('registration/', bob)).body
    const rename = async (username: string) => {
      const headers = { ...bearer(access), 'content-type': 'application/json' }
      return said(await keyturn.send('PATCH', '/dj-rest-auth/user/', JSON.stringify({ username }), headers))
    }
    const foreign = { username: ['A username that is an e-mail address must be the address of the account.'] }
    expect(await rename('victim@example.com')).to.deep.equal([400, foreign])
    expect((await rename('Bob'))[0]).to.equal(200)
    expect((await rename('bob@example.com'))[0]).to.equal(200)
  })

  it('of many at once for one name, one gets it', async () => {
    const { post } = await openAccountDoor({ environment: OPEN })
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, number) =>
        post('registration/', { ...bob, email: `bob${number}@example.com` }),
      ),
    )
    const statuses = answers.map(({ status }) => status).sort()
    expect(statuses).to.deep.equal([201, 400, 400, 400, 400, 400])
    for (const { body } of answers.filter(({ status }) => status === 400))
      expect(body).to.deep.equal({ username: ['A user with that username already exists.'] })
  })

  it('30: it is not there where nobody may register, which is the default', async () => {
    const { post } = await openAccountDoor()
    for (const path of ['registration/', 'registration/resend-email/'])
      expect(said(await post(path, bob))).to.deep.equal(NOT_FOUND)
  })
})

describe('an address that is verified', () => {
  it('18: where it must be, a registration does not tell whose it is; who has it gets mail', async () => {
    const { keyturn, post, sink, allSent } = await openMailDoor({ environment: MANDATORY })
    expect(said(await post('registration/', { ...bob, email: 'alice@example.com' }))).to.deep.equal(SENT)
    await allSent()
    expect(sink.mails.map(({ to, headers }) => [to, headers.get('subject')])).to.deep.equal([
      [['alice@example.com'], 'Your account on localhost:7600'],
    ])
    const users = await keyturn.administration.users()
    expect((await users.list(10)).map(({ username }) => username)).to.deep.equal(['alice'])
    const required = { email: ['This field is required.'] }
    const { email: _, ...without } = bob
    expect(said(await post('registration/', without))).to.deep.equal([400, required])
  })

  it('18: a link is sent again to who needs one, three in ten minutes, and the answer is the same for all', async () => {
    const { post, login, sink, allSent, clock } = await openMailDoor({ environment: MANDATORY })
    await post('registration/', bob)
    await allSent()
    clock.advance(601_000)
    const key = await keyIn(sink, 0)
    expect(said(await post('registration/verify-email/', { key }))).to.deep.equal(NOT_FOUND)
    for (const email of ['nobody@example.com', ...Array<string>(5).fill('BOB@example.com')]) {
      expect(said(await post('registration/resend-email/', { email }))).to.deep.equal(OK)
      await allSent()
    }
    expect(sink.mails).to.have.length(4)
    expect(said(await post('registration/verify-email/', { key: await keyIn(sink, 3) }))).to.deep.equal(OK)
    expect((await login(PASSWORD, 'bob')).status).to.equal(200)
    await post('registration/resend-email/', { email: 'bob@example.com' })
    await allSent()
    expect(sink.mails).to.have.length(4)
    expect(said(await post('registration/resend-email/', { email: 'bob' }))[0]).to.equal(400)
  })

  it('18: where it is optional, the user is signed in and gets a link', async () => {
    const environment = { ...VERIFY, KEYTURN_EMAIL_VERIFICATION: 'optional' }
    const { post, sink } = await openMailDoor({ environment })
    expect(Object.keys((await post('registration/', bob)).body)).to.deep.equal(['access', 'refresh', 'user'])
    expect(said(await post('registration/verify-email/', { key: await keyIn(sink, 0) }))).to.deep.equal(OK)
  })

  it('who takes another’s address has nothing of it: its owner sets a new password and has the account', async () => {
    const { post, login, link, sink, allSent } = await openMailDoor({ environment: MANDATORY })
    await post('registration/', { ...bob, username: 'mallory' })
    await allSent()
    expect(sink.mails).to.have.length(1)
    const { uid, token } = await link('bob@example.com')
    const password = 'windmill-7-orchard'
    const confirm = { uid, token, new_password1: password, new_password2: password }
    expect((await post('password/reset/confirm/', confirm)).status).to.equal(200)
    expect((await login(PASSWORD, 'bob@example.com')).status).to.equal(400)
    expect((await login(password, 'bob@example.com')).status).to.equal(200)
  })
})
