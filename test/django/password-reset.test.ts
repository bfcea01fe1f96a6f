import { expect } from 'chai'
import { MODES } from '../support/app.ts'
import { until } from '../support/until.ts'
import { openAccountDoor, openMailDoor, resetLinkIn, said } from './account-door.ts'

const NEW = 'tulip-9-harbour'
const ASKED = [200, { detail: 'Password reset e-mail has been sent.' }]
const RESET = [200, { detail: 'Password has been reset with the new password.' }]
const passwords = { new_password1: NEW, new_password2: NEW }
const invalid = (field: string) => [400, { [field]: ['Invalid value'] }]

for (const mode of MODES) {
  describe(`a forgotten password, ${mode}`, () => {
    it('18: a link comes by mail and sets a new password once; all sessions and keys have ended', async () => {
      const { keyturn, alice, post, login, link, bearer } = await openMailDoor({ mode })
      const session = (await login()).body
      const form = new URLSearchParams({ username: 'alice', password: keyturn.password })
      const { token: authtoken } = (await keyturn.send('POST', '/api-token-auth/', form)).body
      const { uid, token, mail } = await link('ALICE@example.com')
      expect(mail?.to).to.deep.equal(['alice@example.com'])
      expect(mail?.headers.get('subject')).to.equal('Reset your password on localhost:7600')
      expect(mail?.text).to.match(/^Hello alice,/)
      // As Django makes it.
      expect(Buffer.from(uid, 'base64url').toString()).to.equal(alice.id)
      const confirm = { ...passwords, uid, token }
      expect(said(await post('password/reset/confirm/', confirm))).to.deep.equal(RESET)
      expect(said(await post('password/reset/confirm/', confirm))).to.deep.equal(invalid('token'))
      expect((await login()).status).to.equal(400)
      expect((await login(NEW)).status).to.equal(200)
      expect((await post('token/refresh/', { refresh: session.refresh })).status).to.equal(401)
      for (const headers of [bearer(session.access), { authorization: `Token ${authtoken}` }])
        expect((await keyturn.get('/api/protected/', headers)).status).to.equal(401)
      const rows = await (await keyturn.administration.audit()).tail({ limit: 50 })
      expect(rows.map(({ event }) => event)).to.include.members(['mail.sent', 'user.password_reset'])
    })
  })
}

describe('a forgotten password', () => {
  it('18: the answer says the same whoever has the address, and only its user gets mail', async () => {
    const { keyturn, post, sink, link } = await openMailDoor()
    const users = await keyturn.administration.users()
    await users.create({ username: 'carol@example.com', password: keyturn.password }, 'operator')
    await users.create({ username: 'dave', email: 'dave@example.com' }, 'operator')
    await keyturn.createUser('erin', { email: 'erin@example.com' })
    await users.disable('erin', 'operator')
    const nobodys = ['nobody@example.com', 'carol@example.com', 'dave@example.com', 'erin@example.com']
    for (const email of nobodys) expect(said(await post('password/reset/', { email }))).to.deep.equal(ASKED)
    // Control: by the time hers has come, theirs would have come.
    await link()
    await until(async () => (await keyturn.stores.database.query('select from mail_outbox')).length === 0)
    expect(sink.mails.flatMap(({ to }) => to)).to.deep.equal(['alice@example.com'])
    for (const email of [
      '',
      'alice',
      'alice@example.com\r\nBcc: x@example.com',
      'alice@example.com,x@example.com',
    ]) {
      const text = email === '' ? 'This field may not be blank.' : 'Enter a valid email address.'
      expect(said(await post('password/reset/', { email }))).to.deep.equal([400, { email: [text] }])
    }
  })

  it('18: what is wrong with a link or a password is said in its words, and the link stays good', async () => {
    const { keyturn, post, link, clock } = await openMailDoor()
    const bob = await keyturn.createUser('bob', { email: 'bob@example.com' })
    const { uid, token } = await link()
    const refused = async (body: object) =>
      said(await post('password/reset/confirm/', { ...passwords, uid, token, ...body }))
    expect(await refused({ token: '-wrong-token-' })).to.deep.equal(invalid('token'))
    expect(await refused({ token: 'A'.repeat(43) })).to.deep.equal(invalid('token'))
    expect(await refused({ uid: '-wrong-uid-' })).to.deep.equal(invalid('uid'))
    expect(await refused({ uid: 'wrong uid' })).to.deep.equal(invalid('uid'))
    expect(await refused({ uid: Buffer.from(bob.id).toString('base64url') })).to.deep.equal(invalid('uid'))
    const differ = { new_password2: ['The two password fields didn’t match.'] }
    expect(await refused({ new_password2: 'another' })).to.deep.equal([400, differ])
    const similar = { new_password2: ['The password is too similar to the email address.'] }
    expect(await refused({ new_password1: 'alice@example', new_password2: 'alice@example' })).to.deep.equal([
      400,
      similar,
    ])
    const missing = Object.fromEntries(
      ['new_password1', 'new_password2', 'uid', 'token'].map((name) => [name, ['This field is required.']]),
    )
    expect(said(await post('password/reset/confirm/', {}))).to.deep.equal([400, missing])
    clock.advance(599_000)
    expect(await refused({})).to.deep.equal(RESET)
  })

  it('18: a link is good for ten minutes, and not after another password has been set', async () => {
    const { keyturn, post, link, clock } = await openMailDoor()
    const first = await link()
    clock.advance(601_000)
    expect(said(await post('password/reset/confirm/', { ...passwords, ...first }))).to.deep.equal(
      invalid('token'),
    )
    const second = await link()
    await (await keyturn.administration.users()).setPassword('alice', keyturn.password, 'operator')
    expect(said(await post('password/reset/confirm/', { ...passwords, ...second }))).to.deep.equal(
      invalid('token'),
    )
    const third = await link()
    expect(said(await post('password/reset/confirm/', { ...passwords, ...third }))).to.deep.equal(RESET)
  })

  it('a server that takes no mail keeps nobody waiting, and the link comes when it does again', async () => {
    const { keyturn, post, sink, login } = await openMailDoor()
    sink.refusals.push(451)
    expect(said(await post('password/reset/', { email: 'alice@example.com' }))).to.deep.equal(ASKED)
    await until(() => keyturn.logger.lines.some(({ message }) => message.startsWith('a mail was not sent')))
    expect((await login()).status).to.equal(200)
    await keyturn.stores.database.query("update mail_outbox set due_at = '2026-01-01'")
    await post('password/reset/', { email: 'nobody@example.com' })
    const { uid, token } = await resetLinkIn(sink, 0)
    expect(said(await post('password/reset/confirm/', { ...passwords, uid, token }))).to.deep.equal(RESET)
  })

  it('is not there without a mail server', async () => {
    const { post } = await openAccountDoor()
    expect(said(await post('password/reset/', { email: 'alice@example.com' }))).to.deep.equal([
      404,
      { detail: 'Not found.' },
    ])
  })
})
