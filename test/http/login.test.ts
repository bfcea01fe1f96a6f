import { expect } from 'chai'
import type { Clock } from '../../src/clock.ts'
import { passwordHashing } from '../../src/passwords/password-hash.ts'
import { Refusal } from '../../src/refusal.ts'
import { type Answer, startApp, type TestApp, type TestClient } from '../support/app.ts'
import { TestClock } from '../support/clock.ts'
import { noteSecret } from '../support/secrets.ts'

/** A clock that stands still, and remembers what it was asked to wait. */
function recordingClock(): Clock & { readonly waits: number[] } {
  const still = new TestClock()
  const waits: number[] = []
  return { waits, now: () => still.now(), wait: async (milliseconds) => void waits.push(milliseconds) }
}

/** All that a client can see of an answer, but for what differs between any two. */
function visible({ status, headers, text }: Answer) {
  const rest = [...headers].filter(([name]) => !['x-request-id', 'date'].includes(name))
  return { status, text, headers: Object.fromEntries(rest) }
}

describe('signing in with a password', () => {
  const clock = recordingClock()
  let keyturn: TestApp
  let client: TestClient

  before(async () => {
    keyturn = await startApp({ clock })
    client = await keyturn.createClient()
  })

  const create = async (username: string, password?: string, email?: string) => {
    noteSecret(password)
    const users = await keyturn.administration.users()
    return users.create({ username, password, email }, 'operator')
  }
  const signIn = (username: string, password: string) => keyturn.signIn(client, username, { password })
  const lastLine = () => keyturn.logger.lines.findLast(({ message }) => message === 'refused')?.fields

  it('S-104 whoever may not sign in gets one answer, after one and the same time', async () => {
    await create('known', keyturn.password)
    const { id } = await create('disabled', keyturn.password)
    await (await keyturn.administration.users()).disable('disabled', 'operator')
    await create('passwordless')
    const { database } = keyturn.stores
    await create('corrupt', keyturn.password)
    await database.query(
      "update users set password_hash = '$argon2id$v=19$m=4294967295' where username = 'corrupt'",
    )
    const cases: [what: string, username: string, password: string, reason: string][] = [
      ['an unknown user', 'unknown', keyturn.password, 'identifier_unknown'],
      ['a wrong password', 'known', 'not the password', 'password_wrong'],
      ['a disabled user', 'disabled', keyturn.password, 'user_disabled'],
      ['a user without a password', 'passwordless', keyturn.password, 'password_wrong'],
      ['a hash that cannot be used', 'corrupt', keyturn.password, 'password_unusable'],
      ['a name that nobody can have', 'a\u202eb', keyturn.password, 'identifier_unknown'],
      ['a password that nobody can have', 'known', 'x'.repeat(1025), 'password_wrong'],
      ['both', 'x'.repeat(5000), 'x'.repeat(5000), 'identifier_unknown'],
    ]
    const seen: unknown[] = []
    for (const [what, username, password, reason] of cases) {
      clock.waits.length = 0
      seen.push(visible(await signIn(username, password)))
      expect(seen.at(-1), what).to.deep.equal(seen[0])
      expect(
        clock.waits.filter((wait) => wait === 2000),
        what,
      ).to.deep.equal([2000])
      expect(lastLine()?.['reason'], what).to.equal(reason)
    }
    expect(seen[0]).to.deep.include({
      status: 400,
      text: '{"error":"invalid_grant","error_description":"the username or the password is wrong"}',
    })
    expect(keyturn.logger.lines.filter(({ fields }) => fields['user'] === id)).to.have.length(1)

    clock.waits.length = 0
    expect((await signIn('known', keyturn.password)).status, 'control').to.equal(200)
    expect(clock.waits, 'a login that succeeds waits for nothing').not.to.include(2000)
  })

  it('S-109 any spelling of the name or the address signs the same user in', async () => {
    const { id } = await create('Straße', keyturn.password, 'Ivan@Example.com')
    for (const name of [
      'straße',
      'STRASSE',
      'Ivan@Example.com',
      'ＩＶＡＮ@example.COM',
      'İvan@example.com',
    ]) {
      const { status, body } = await signIn(name, keyturn.password)
      expect(status, name).to.equal(200)
      const { sub, username } = JSON.parse(
        Buffer.from(body.access_token.split('.')[1], 'base64url').toString(),
      )
      expect([sub, username], name).to.deep.equal([id, 'Straße'])
    }
    for (const name of ['straße ', ' straße', 'straße\n', 'strase', '%', 'ivan']) {
      expect((await signIn(name, keyturn.password)).status, JSON.stringify(name)).to.equal(400)
    }
  })

  const passwords: [what: string, password: string][] = [
    ['64 characters', 'p'.repeat(64)],
    ['128 characters', 'q'.repeat(128)],
    ['1024 bytes', 'r'.repeat(1024)],
    ['space around it', '  eight characters  '],
    ['every kind of character', '\u0001\t\r\n\u007f\u0085 é 日本語 \u202e 👩‍👩‍👧 "\'\\%00'],
    ['decomposed letters', 'cafe\u0301 cafe\u0301'],
  ]
  for (const [index, [what, password]] of passwords.entries()) {
    it(`S-108 a password of ${what} is taken as it is`, async () => {
      const name = `user${index}`
      await create(name, password)
      expect((await signIn(name, password)).status).to.equal(200)
      for (const near of [
        password.trim(),
        password.slice(0, -1),
        password.normalize('NFC'),
        `${password} `,
      ]) {
        if (near !== password) expect((await signIn(name, near)).status, JSON.stringify(near)).to.equal(400)
      }
    })
  }

  it('S-108 one that is too short, too long or has a NUL cannot be set, and is not shown in the refusal', async () => {
    const refused: [password: string, code: string][] = [
      ['7 lettr', 'password_too_short'],
      ['x'.repeat(1025), 'password_too_long'],
      ['é'.repeat(513), 'password_too_long'],
      ['x'.repeat(1_000_000), 'password_too_long'],
      ['nul\0nul\0', 'password_has_nul'],
      ['half a pair \ud83d', 'password_not_text'],
    ]
    for (const [password, code] of refused) {
      const error = await create('nobody', password).catch((thrown) => thrown)
      expect(error).to.be.instanceOf(Refusal)
      expect(error.code).to.equal(code)
      expect(error.message).not.to.include(password)
    }
    expect((await signIn('nobody', 'x'.repeat(1024))).status).to.equal(400)
  })

  it('S-108 NUL in a presented password is refused before anybody looks', async () => {
    const { status, body } = await signIn('known', `${keyturn.password}\0`)
    expect([status, body.error]).to.deep.equal([400, 'invalid_request'])
  })

  it('S-109 twins are refused at creation, with nothing said of whose name it is', async () => {
    await create('Erika', keyturn.password, 'erika@example.com')
    const twins: [username: string, email?: string][] = [
      ['erika'],
      ['ＥＲＩＫＡ'],
      ['er\u0131ka'],
      ['someone', 'ERIKA@example.com'],
      ['Erika@Example.com'],
      ['someone', 'erika@example.com '],
    ]
    for (const [username, email] of twins) {
      const error = await create(username, keyturn.password, email).catch((thrown) => thrown)
      expect([error.code, /Erika/.test(error.message)], username).to.deep.equal(['username_taken', false])
    }
    for (const username of [
      'er\u200bika',
      'erika\ufe0f',
      'er\u0456ka',
      'erika ',
      'eri\0ka',
      'x'.repeat(255),
    ]) {
      const error = await create(username, keyturn.password).catch((thrown) => thrown)
      expect(error.code, JSON.stringify(username)).to.match(/^username_(invalid|mixed)$/)
    }
  })

  it('S-110 a hash with old parameters lets its user in once more, and is a new one afterwards', async () => {
    const password = 'an old good password'
    const { id } = await create('veteran', password)
    const old =
      '$argon2id$v=19$m=256,t=2,p=1$a2V5dHVybiB0ZXN0IHNhbHQ$BK1Qv/B8PKQ8ZbgtMfYbE5h5K0DilaOg8y660Yt9hLE'
    const { database } = keyturn.stores
    await database.query('update users set password_hash = $2 where id = $1', [id, old])
    expect((await signIn('veteran', 'wrong password')).status).to.equal(400)
    expect((await signIn('veteran', password)).status).to.equal(200)
    const [row] = await database.query<{ password_hash: string }>(
      'select password_hash from users where id = $1',
      [id],
    )
    expect(row?.password_hash).to.match(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    expect((await signIn('veteran', password)).status).to.equal(200)
    expect(await passwordHashing().verify(password, row?.password_hash)).to.deep.include({ rehash: false })
  })
})
