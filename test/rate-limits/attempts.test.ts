import { expect } from 'chai'
import {
  basicAuthorization,
  MODES,
  startApp,
  type TestApp,
  type TestClient,
  type TestMode,
} from '../support/app.ts'
import { TestClock } from '../support/clock.ts'
import { dumpPostgres } from '../support/secrets.ts'

const ON = { KEYTURN_RATE_LIMITS: 'on', KEYTURN_TRUSTED_PROXIES: '127.0.0.1' }

/** Failed logins wait for nothing, and no unit comes back meanwhile. */
const STANDING = new TestClock()
STANDING.wait = () => new Promise((resolve) => setImmediate(resolve))

async function start(mode: TestMode = 'small', clock = new TestClock(undefined, { autoAdvance: true })) {
  const keyturn = await startApp({ mode, clock, environment: ON })
  const client = await keyturn.createClient()
  await keyturn.createUser('alice', { email: 'alice@example.com' })
  const from = (address: string) => ({
    'x-forwarded-for': address,
    authorization: basicAuthorization(client),
  })
  const login = (address: string, username: string, password: string) =>
    keyturn.send(
      'POST',
      '/oauth/token',
      new URLSearchParams({ grant_type: 'password', username, password }),
      from(address),
    )
  return { keyturn, client, clock, login }
}

for (const mode of MODES) {
  describe(`guessing passwords, ${mode}`, () => {
    it('S-105 gets slower: the sixth at once is told to wait, whatever it guesses and however it spells the name', async () => {
      const { login, keyturn } = await start(mode)
      const names = ['alice', 'ALICE', 'alice@example.com', 'ａｌｉｃｅ', 'Alice@Example.com']
      for (const name of names) expect((await login('192.0.2.1', name, 'wrong')).status).to.equal(400)
      for (const password of ['wrong', keyturn.password]) {
        const { status, headers, body } = await login('192.0.2.1', 'alice', password)
        expect([status, body.error]).to.deep.equal([429, 'too_many_requests'])
        expect(Number(headers.get('retry-after'))).to.be.within(1, 12)
      }
    })
  })
}

describe('guessing passwords', () => {
  it('S-105 200 at the same moment are as many as there are units', async () => {
    const { login } = await start('standard')
    const answers = await Promise.all(Array.from({ length: 200 }, () => login('192.0.2.1', 'alice', 'wrong')))
    expect(answers.filter(({ status }) => status === 400)).to.have.length(5)
    expect(answers.filter(({ status }) => status === 429)).to.have.length(195)
  }).timeout(20_000)

  it('S-104 S-105 a name that nobody has is counted alike', async () => {
    const { login } = await start()
    for (let times = 0; times < 5; times++)
      expect((await login('192.0.2.1', 'nobody', 'x')).status).to.equal(400)
    const { status, text } = await login('192.0.2.1', 'NOBODY', 'x')
    expect(status).to.equal(429)
    for (let times = 0; times < 5; times++) await login('192.0.2.1', 'alice', 'wrong')
    expect((await login('192.0.2.1', 'alice', 'wrong')).text).to.equal(text)
  })

  it('S-105 an IPv6 network counts as one, and IPv4 that came in over IPv6 as IPv4', async () => {
    const { login } = await start()
    for (let n = 1; n <= 5; n++) await login(`2001:db8:1:2::${n}`, 'alice', 'wrong')
    expect((await login('2001:db8:1:2:ffff::1', 'alice', 'wrong')).status).to.equal(429)
    expect((await login('2001:db8:1:3::1', 'alice', 'wrong')).status, 'another network').to.equal(400)
    for (let n = 1; n <= 5; n++) await login('192.0.2.9', 'bob', 'wrong')
    expect((await login('::ffff:192.0.2.9', 'bob', 'wrong')).status).to.equal(429)
  })

  it('S-105 one password tried on many accounts is slowed down, too, and success at another resets nothing', async () => {
    const { login, keyturn } = await start('small', STANDING)
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, n) => login('192.0.2.1', `user${n}`, 'Spring2026')),
    )
    expect(answers.filter(({ status }) => status === 429)).to.have.length(10)
    expect(
      (await login('192.0.2.1', 'alice', keyturn.password)).status,
      'right ones from there, too',
    ).to.equal(429)
    expect((await login('192.0.2.2', 'alice', keyturn.password)).status).to.equal(200)
    expect((await login('192.0.2.1', 'user41', 'Spring2026')).status, 'that resets nothing').to.equal(429)
  }).timeout(30_000)

  it('S-106 nobody is locked out: a wait that goes by, and success costs nothing', async () => {
    const { login, keyturn, clock } = await start()
    for (let times = 0; times < 8; times++)
      expect((await login('192.0.2.1', 'alice', keyturn.password)).status).to.equal(200)
    for (let times = 0; times < 5; times++) await login('192.0.2.1', 'alice', 'wrong')
    const { headers } = await login('192.0.2.1', 'alice', keyturn.password)
    clock.advance(Number(headers.get('retry-after')) * 1000)
    expect((await login('192.0.2.1', 'alice', keyturn.password)).status).to.equal(200)
  })

  it('S-106 what others fail at an account does not concern a network from which its user is signed in', async () => {
    const { login, keyturn } = await start('small', STANDING)
    expect((await login('198.51.100.7', 'alice', keyturn.password)).status).to.equal(200)
    await Promise.all(Array.from({ length: 110 }, (_, n) => login(`192.0.2.${n % 25}`, 'alice', 'wrong')))
    expect((await login('203.0.113.5', 'alice', keyturn.password)).status, 'from elsewhere').to.equal(429)
    expect((await login('198.51.100.7', 'alice', keyturn.password)).status, 'from home').to.equal(200)
  }).timeout(30_000)

  it('P5 neither names nor addresses can be read in what is stored', async () => {
    const { login, keyturn } = await start()
    await login('192.0.2.77', 'my-password-in-the-wrong-field', 'x')
    const dump = await dumpPostgres(keyturn.stores.database)
    const rows = await keyturn.stores.database.query("select encode(key, 'escape') from rate_limits")
    expect(rows).to.have.length(6)
    expect(JSON.stringify(rows) + String(dump)).not.to.include('my-password-in-the-wrong-field')
    expect(JSON.stringify(rows)).not.to.include('192.0.2.77')
  })

  it('Django’s door says it in Django’s words', async () => {
    const { keyturn } = await start()
    await (await keyturn.administration.clients()).enable('django', 'operator').catch(() => {})
    const login = () =>
      keyturn.send('POST', '/api/token/', JSON.stringify({ username: 'alice', password: 'wrong' }), {
        'content-type': 'application/json',
        'x-forwarded-for': '192.0.2.1',
      })
    for (let times = 0; times < 5; times++) expect((await login()).status).to.equal(401)
    const { status, headers, body } = await login()
    expect(status).to.equal(429)
    const wait = headers.get('retry-after')
    expect(body.detail).to.equal(`Request was throttled. Expected available in ${wait} seconds.`)
  })
})

describe('guessing the secret of a client', () => {
  let keyturn: TestApp
  let client: TestClient
  let clock: TestClock
  beforeEach(async () => {
    ;({ keyturn, client, clock } = await start())
  })
  const ask = (address: string, secret = client.secret ?? '') =>
    keyturn.send('POST', '/oauth/token', new URLSearchParams({ grant_type: 'client_credentials' }), {
      'x-forwarded-for': address,
      authorization: basicAuthorization({ id: client.id, secret }),
    })

  it('S-038 is slowed down by client and network, atomically, and the client itself is not shut out', async () => {
    const wrong = `${client.secret?.slice(0, -1)}${client.secret?.endsWith('x') ? 'y' : 'x'}`
    const answers = await Promise.all(Array.from({ length: 200 }, () => ask('192.0.2.1', wrong)))
    expect(answers.filter(({ status }) => status === 401)).to.have.length(60)
    expect(answers.filter(({ status }) => status === 429)).to.have.length(140)
    expect((await ask('192.0.2.1')).status, 'from there').to.equal(429)
    expect((await ask('198.51.100.1')).status, 'from elsewhere').to.equal(200)
    clock.advance(60_000)
    expect((await ask('192.0.2.1')).status, 'a minute later').to.equal(200)
  }).timeout(20_000)
})
