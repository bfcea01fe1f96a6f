import { expect } from 'chai'
import { LEGACY_PREFIX } from '../../src/passwords/django-legacy.ts'
import { CHEAP, LEGACY, type Vector, withOneBitChanged } from '../passwords/django-vectors.ts'
import { startApp, type TestApp, type TestClient } from '../support/app.ts'
import { TestClock } from '../support/clock.ts'

/** One of each format. */
const VECTORS = [...new Map(CHEAP.map((vector) => [prefixOf(vector), vector])).values()]
const DEADLINE_MS = 2000

function prefixOf({ stored }: Vector): string {
  return stored.slice(0, stored.indexOf('$'))
}

describe('a user who was brought along from Django', () => {
  let app: TestApp
  let client: TestClient
  let clock: TestClock

  async function start(options: { autoAdvance: boolean }): Promise<void> {
    clock = new TestClock(undefined, options)
    app = await startApp({ clock })
    client = await app.createClient()
    await app.createUser('alice')
  }

  async function setHash(stored: string | null): Promise<void> {
    await app.stores.database.query("update users set password_hash = $1 where username = 'alice'", [stored])
  }

  async function hash(): Promise<string | undefined> {
    const [row] = await app.stores.database.query<{ password_hash: string }>(
      "select password_hash from users where username = 'alice'",
    )
    return row?.password_hash
  }

  const signIn = (password: string, username = 'alice') => app.signIn(client, username, { password })

  for (const { password, stored } of [...VECTORS, ...LEGACY.slice(0, 1)]) {
    it(`29: signs in, and has an argon2id hash of the same password from then on: ${stored.slice(0, 24)}`, async () => {
      await start({ autoAdvance: true })
      await setHash(stored)
      expect(await signIn('something else')).to.have.property('status', 400)
      expect(await hash(), 'a wrong password changes nothing').to.equal(stored)
      expect(await signIn(password)).to.have.property('status', 200)
      const replaced = await hash()
      expect(replaced).to.match(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
      expect(await signIn(password)).to.have.property('status', 200)
      expect(await hash(), 'it is replaced once').to.equal(replaced)
      expect(await signIn('something else')).to.have.property('status', 400)
    })
  }

  it('does not sign in by an MD5 that nobody let in, nor with a bit changed, nor without a password', async () => {
    await start({ autoAdvance: true })
    const [legacy] = LEGACY
    const [first] = VECTORS
    if (!legacy || !first) throw new Error('no vectors')
    const refused = [
      [legacy.password, legacy.stored.slice(LEGACY_PREFIX.length)],
      [first.password, withOneBitChanged(first.stored)],
      ['!', '!'],
      ['!Xkby1GWQIgeoXybtpWG9jBdnBXnMkNZvI6oRs0If', '!Xkby1GWQIgeoXybtpWG9jBdnBXnMkNZvI6oRs0If'],
      ['anything at all', null],
    ] as const
    const answers = new Set<string>()
    for (const [password, stored] of refused) {
      await setHash(stored)
      const { status, text } = await signIn(password)
      answers.add(`${status} ${text}`)
      expect(await hash()).to.equal(stored)
    }
    expect([...answers]).to.have.length(1)
    expect([...answers][0]).to.match(/^400 .*invalid_grant/)
  })

  it('S-104 whose password is wrong is told so no sooner and no later than somebody unknown, in each format', async () => {
    await start({ autoAdvance: false })
    const cases: [username: string, stored: string | null][] = [
      ['nobody', null],
      ['alice', '!Xkby1GWQIgeoXybtpWG9jBdnBXnMkNZvI6oRs0If'],
      ...[...VECTORS, ...LEGACY.slice(0, 1)].map(({ stored }): [string, string] => ['alice', stored]),
    ]
    for (const [username, stored] of cases) {
      await setHash(stored)
      const others = clock.waiting
      let told = false
      const answer = signIn('something else', username).then(({ status }) => {
        told = true
        return status
      })
      while (clock.waiting === others) await new Promise((resolve) => setTimeout(resolve, 1))
      clock.advance(DEADLINE_MS - 1)
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
      expect(told, stored ?? username).to.equal(false)
      clock.advance(1)
      expect(await answer, stored ?? username).to.equal(400)
    }
  })
})
