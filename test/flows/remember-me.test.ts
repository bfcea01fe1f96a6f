import { expect } from 'chai'
import { startApp, type TestApp, type TestClient } from '../support/app.ts'
import { TestClock } from '../support/clock.ts'

const HOUR_MS = 3_600_000

describe('remember me', () => {
  let keyturn: TestApp
  let clock: TestClock
  let client: TestClient
  beforeEach(async () => {
    clock = new TestClock()
    keyturn = await startApp({ clock })
    await keyturn.createUser('alice')
    client = await keyturn.createClient({ unrememberedTtlSeconds: 12 * 3600 })
  })

  async function anHour(): Promise<void> {
    clock.advance(HOUR_MS)
    await keyturn.app.reloadKeys()
  }

  /** Signs in, goes on refreshing every hour, and says after how many hours that was refused. */
  async function hoursOf(by: TestClient, form: Record<string, string>, most: number): Promise<number> {
    let token = (await keyturn.signIn(by, 'alice', form)).body.refresh_token
    for (let hours = 1; hours <= most; hours++) {
      await anHour()
      const answer = await keyturn.refresh(by, token)
      if (answer.status !== 200) return hours
      token = answer.body.refresh_token
    }
    return Number.POSITIVE_INFINITY
  }

  it('22: a session that did not ask for it ends when the client says, however much it is used', async () => {
    expect(await hoursOf(client, {}, 24)).to.equal(12)
    expect(await hoursOf(client, { remember_me: 'false' }, 24)).to.equal(12)
  })

  it('22: one that did lives as long as any other', async () => {
    expect(await hoursOf(client, { remember_me: 'true' }, 24)).to.equal(Number.POSITIVE_INFINITY)
  })

  it('it makes no difference for a client that has not said so', async () => {
    const plain = await keyturn.createClient()
    expect(await hoursOf(plain, {}, 24)).to.equal(Number.POSITIVE_INFINITY)
  })

  it('an access token never outlives such a session', async () => {
    const short = await keyturn.createClient({ unrememberedTtlSeconds: 120 })
    expect((await keyturn.signIn(short, 'alice')).body.expires_in).to.equal(120)
  })

  it('anything but true and false is refused before the password is looked at', async () => {
    for (const value of ['1', 'yes', '']) {
      const answer = await keyturn.signIn(client, 'alice', { remember_me: value })
      expect([answer.status, answer.body.error], value).to.deep.equal(
        value === '' ? [200, undefined] : [400, 'invalid_request'],
      )
    }
  })

  it('22: the Django-shaped logins ask for it, too', async () => {
    const clients = await keyturn.administration.clients()
    await clients.enable('django', 'operator')
    await clients.update('django', { unrememberedTtlSeconds: 3600 }, 'operator')
    for (const path of ['/api/token/', '/dj-rest-auth/login/']) {
      const login = async (more: object) => {
        const body = JSON.stringify({ username: 'alice', password: keyturn.password, ...more })
        return (await keyturn.send('POST', path, body, { 'content-type': 'application/json' })).body
      }
      const [short, long] = [await login({}), await login({ remember_me: true })]
      await anHour()
      expect((await keyturn.refresh({ id: 'django' }, short.refresh)).status, path).to.equal(400)
      expect((await keyturn.refresh({ id: 'django' }, long.refresh)).status, path).to.equal(200)
    }
  })
})
