import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import {
  openSession,
  SessionEnded,
  type SessionOptions,
  type TokenStore,
  type Tokens,
  tokensFrom,
  Unavailable,
} from '../../examples/client-node/session.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { TestClock } from '../support/clock.ts'
import { type Guarded, startGuard } from '../support/guard.ts'
import { afterwards } from '../support/root-hooks.ts'
import { until } from '../support/until.ts'
import { type Fate, startLosingProxy } from './losing-proxy.ts'

const EXAMPLE = fileURLToPath(new URL('../../examples/client-node', import.meta.url))
const TSX = createRequire(import.meta.url).resolve('tsx')
const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** A store that outlives its client, as a disk does. */
interface Disk extends TokenStore {
  kept: Tokens | undefined
  cleared: number
}

function disk(kept: Tokens | undefined): Disk {
  return {
    kept,
    cleared: 0,
    async load() {
      return this.kept
    },
    async save(tokens) {
      this.kept = tokens
    },
    async clear() {
      this.kept = undefined
      this.cleared++
    },
  }
}

/** A client that is signed in, on the server's clock, with a proxy between the two. */
async function signedIn(details: Parameters<TestApp['createClient']>[0] = {}) {
  const clock = new TestClock(undefined, { autoAdvance: true })
  const keyturn = await startApp({ clock })
  const client = await keyturn.createClient(details)
  await keyturn.createUser('alice')
  const proxy = await startLosingProxy(keyturn.origin)
  const now = () => clock.now().getTime()
  const login = await keyturn.signIn(client, 'alice')
  const store = disk(tokensFrom(login.body, now()))
  const options: SessionOptions = {
    tokenEndpoint: `${proxy.origin}/oauth/token`,
    clientId: client.id,
    ...(client.secret === undefined ? {} : { clientSecret: client.secret }),
    store,
    now,
    wait: (milliseconds) => clock.wait(milliseconds),
  }
  return {
    keyturn,
    client,
    proxy,
    store,
    options,
    now,
    /** Starts the client, or starts it again after a crash. */
    start: (more: Partial<SessionOptions> = {}) => openSession({ ...options, ...more }),
    /** Moves the time; the node reads its keys meanwhile, as it does every fifteen seconds. */
    async advance(milliseconds: number) {
      clock.advance(milliseconds)
      await keyturn.app.reloadKeys()
    },
    /** Whether Keyturn itself takes an access token for good. */
    async isActive(token: string) {
      const resourceServer = await keyturn.createClient({ grants: [], isFirstParty: false })
      const { body } = await keyturn.post('/oauth/introspect', { token }, resourceServer)
      return body.active as boolean
    },
  }
}

type SignedIn = Awaited<ReturnType<typeof signedIn>>

/** The error that a promise ends with. */
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )

const PHONE = { isPublic: true, isNative: true }
const BROWSER = { isPublic: true }

describe('the client of examples/client-node', () => {
  describe('refreshes', () => {
    it('not before 75 % of the lifetime, and by 80 %', async () => {
      const s = await signedIn()
      const session = await s.start()
      const first = await session.accessToken()
      await s.advance(0.75 * 10 * MINUTE - 1)
      expect(await session.accessToken()).to.equal(first)
      expect(s.proxy.sent).to.have.length(0)
      await s.advance(0.05 * 10 * MINUTE + 1)
      await session.accessToken()
      await session.accessToken(first)
      expect(s.proxy.sent).to.have.length(1)
      expect(await session.accessToken()).not.to.equal(first)
    })

    it('not all at the same moment', () => {
      const answer = { access_token: 'a', refresh_token: 'r', expires_in: 600 }
      const moments = Array.from({ length: 200 }, () => tokensFrom(answer, 0).refreshAt / 600_000)
      expect(Math.min(...moments)).to.be.at.least(0.75)
      expect(Math.max(...moments)).to.be.at.most(0.8)
      expect(new Set(moments).size).to.be.greaterThan(100)
    })

    it('once for fifty callers', async () => {
      const s = await signedIn()
      const session = await s.start()
      await s.advance(10 * MINUTE)
      const tokens = await Promise.all(Array.from({ length: 50 }, () => session.accessToken()))
      expect(new Set(tokens).size).to.equal(1)
      expect(await s.isActive(tokens[0] ?? '')).to.equal(true)
      expect(s.proxy.sent).to.have.length(1)
    })

    it('control: fifty that do not share a session send fifty', async () => {
      const s = await signedIn()
      await s.advance(10 * MINUTE)
      const sessions = await Promise.all(Array.from({ length: 50 }, () => s.start()))
      await Promise.all(sessions.map((session) => session.accessToken()))
      expect(s.proxy.sent).to.have.length(50)
    })

    it('once when an API has answered 401 to many', async () => {
      const s = await signedIn()
      const session = await s.start()
      const refused = await session.accessToken()
      const replaced = await Promise.all(Array.from({ length: 20 }, () => session.accessToken(refused)))
      expect(new Set(replaced).size).to.equal(1)
      expect(replaced[0]).not.to.equal(refused)
      expect(await session.accessToken(refused), 'a straggler').to.equal(replaced[0])
      expect(s.proxy.sent).to.have.length(1)
    })

    it('while the token it has still works, so that a short outage is not noticed (G11)', async () => {
      const s = await signedIn()
      const session = await s.start()
      const first = await session.accessToken()
      s.proxy.always('request lost')
      await s.advance(0.8 * 10 * MINUTE)
      // Without waiting: the server is asked behind the caller's back.
      expect(await session.accessToken()).to.equal(first)
      s.proxy.always('passes')
      await s.advance(2 * MINUTE)
      expect(await s.isActive(await session.accessToken())).to.equal(true)
    })
  })

  describe('asks again with the same token', () => {
    const LOSSES: readonly (readonly [name: string, ...fates: Fate[]])[] = [
      ['R-21 the request is lost', 'request lost'],
      ['R-21 the answer is lost before its head', 'answer lost'],
      ['R-21 the answer is cut in the middle', 'answer cut'],
      ['R-21 the answer comes too late', 'answer late'],
      [
        'R-21 five in a row are lost',
        'answer lost',
        'answer cut',
        'request lost',
        'answer lost',
        'answer cut',
      ],
      ['R-23 a proxy on the way repeats the request', 'sent twice'],
      ['R-23 … and the answer to both is lost', 'sent twice', 'answer lost'],
      ['500', { status: 500, body: '{"error":"server_error"}' }],
      ['502 from a proxy, in HTML', { status: 502, body: '<h1>Bad Gateway</h1>' }],
      ['429', { status: 429, body: '{"error":"slow_down"}' }],
      ['200 from a captive portal', { status: 200, body: '<h1>Welcome to our hotel</h1>' }],
      ['200 in JSON that is no answer', { status: 200, body: '{}' }],
      ['404 while somebody deploys', { status: 404, body: 'no such route' }],
    ]
    for (const [name, ...fates] of LOSSES) {
      it(name, async () => {
        const s = await signedIn(BROWSER) // whose late policy forgives nothing
        const session = await s.start({ timeoutMs: fates.includes('answer late') ? SECOND : 10 * SECOND })
        await s.advance(10 * MINUTE)
        s.proxy.next(...fates)
        const token = await session.accessToken()
        expect(await s.isActive(token)).to.equal(true)
        const presented = s.proxy.sent.map((form) => form.get('refresh_token'))
        expect(new Set(presented).size, 'one refresh token, whatever happened').to.equal(1)
        // And the session goes on from there.
        await s.advance(10 * MINUTE)
        expect(await s.isActive(await session.accessToken())).to.equal(true)
        expect(s.store.cleared).to.equal(0)
      })
    }

    for (const status of [429, 503]) {
      for (const [form, value] of [
        ['seconds', () => '20'],
        ['a date', (now: number) => new Date(now + 20 * SECOND).toUTCString()],
      ] as const) {
        it(`${status} with Retry-After in ${form}: not before that time`, async () => {
          const s = await signedIn()
          const session = await s.start()
          await s.advance(10 * MINUTE)
          const asked = s.now()
          s.proxy.next({ status, headers: { 'retry-after': value(asked) }, body: '{}' })
          await session.accessToken()
          expect(s.proxy.sent).to.have.length(2)
          // A date has whole seconds.
          expect(s.now() - asked).to.be.greaterThan(19 * SECOND)
        })
      }
    }

    it('for as long as the caller waits; the session outlives the caller, and the wait', async () => {
      const s = await signedIn()
      const session = await s.start({ patienceMs: 30 * SECOND })
      await s.advance(10 * MINUTE)
      const began = s.now()
      s.proxy.always('request lost')
      expect(await failure(session.accessToken())).to.be.instanceOf(Unavailable)
      expect(s.now() - began).to.be.within(22 * SECOND, 30 * SECOND)
      await s.advance(12 * HOUR)
      expect(await failure(session.accessToken())).to.be.instanceOf(Unavailable)
      expect(s.store.cleared).to.equal(0)
      s.proxy.always('passes')
      expect(await s.isActive(await session.accessToken())).to.equal(true)
    })

    it('not sooner for the next caller, when the server has asked for more time than this one has', async () => {
      const s = await signedIn()
      const session = await s.start({ patienceMs: 30 * SECOND })
      await s.advance(10 * MINUTE)
      s.proxy.next({ status: 503, headers: { 'retry-after': '300' }, body: '{}' })
      expect(await failure(session.accessToken())).to.be.instanceOf(Unavailable)
      expect(await failure(session.accessToken())).to.be.instanceOf(Unavailable)
      expect(s.proxy.sent).to.have.length(1)
      await s.advance(310 * SECOND)
      expect(await s.isActive(await session.accessToken())).to.equal(true)
    })

    it('not only after an hour, because the clock was set back by one', async () => {
      const s = await signedIn()
      let back = 0
      const waited: number[] = []
      const session = await s.start({
        patienceMs: 10 * SECOND,
        now: () => s.now() - back,
        wait: async (milliseconds) => {
          waited.push(milliseconds)
          await s.advance(milliseconds)
        },
      })
      await s.advance(2 * HOUR)
      s.proxy.always('request lost')
      expect(await failure(session.accessToken())).to.be.instanceOf(Unavailable)
      s.proxy.always('passes')
      back = HOUR
      await session.accessToken()
      expect(Math.max(...waited)).to.be.below(10 * SECOND)
    })

    it('nowhere else: a redirect does not get the refresh token', async () => {
      const s = await signedIn()
      const session = await s.start()
      const elsewhere = await startLosingProxy(s.keyturn.origin)
      await s.advance(10 * MINUTE)
      for (const status of [301, 307, 308]) {
        s.proxy.next({ status, headers: { location: `${elsewhere.origin}/oauth/token` }, body: '{}' })
        await session.accessToken(await session.accessToken())
      }
      expect(elsewhere.sent).to.have.length(0)
    })
  })

  describe('R-22 crashes before it has kept the new token, and starts again', () => {
    /** A client that dies with the answer in its hands. */
    async function crash(s: SignedIn): Promise<void> {
      let died = () => {}
      const dead = new Promise<void>((resolve) => {
        died = resolve
      })
      const save = () => {
        died()
        return new Promise<never>(() => {})
      }
      const session = await s.start({ store: { ...s.store, load: () => s.store.load(), save } })
      await s.advance(10 * MINUTE)
      void session.accessToken()
      await dead
    }

    const ROWS: readonly (readonly [
      after: string,
      milliseconds: number,
      supersede: boolean,
      revoke: boolean,
    ])[] = [
      ['5 s', 5 * SECOND, true, true],
      ['59 s', 59 * SECOND, true, true],
      ['61 s', 61 * SECOND, true, false],
      ['12 h', 12 * HOUR, true, false],
      ['24 h and a second', 24 * HOUR + SECOND, false, false],
    ]
    for (const [after, milliseconds, supersede, revoke] of ROWS) {
      for (const [who, details, isLetIn] of [
        ['a phone', PHONE, supersede],
        ['a browser', BROWSER, revoke],
      ] as const) {
        it(`${after} later, ${who}: ${isLetIn ? 'the session goes on' : 'sign in again'}`, async () => {
          const s = await signedIn(details)
          const before = s.store.kept?.refreshToken
          await crash(s)
          expect(s.store.kept?.refreshToken).to.equal(before)
          await s.advance(milliseconds)
          const session = await s.start()
          if (!isLetIn) {
            expect(await failure(session.accessToken())).to.be.instanceOf(SessionEnded)
            expect(s.store.kept).to.equal(undefined)
            return
          }
          expect(await s.isActive(await session.accessToken())).to.equal(true)
          await s.advance(10 * MINUTE)
          expect(await s.isActive(await session.accessToken())).to.equal(true)
        })
      }
    }

    it('a full disk is no reason to lose the session either', async () => {
      const s = await signedIn()
      let left = 3
      const save = async (tokens: Tokens) => {
        if (left-- > 0) throw new Error('ENOSPC')
        await s.store.save(tokens)
      }
      const session = await s.start({ store: { ...s.store, load: () => s.store.load(), save } })
      await s.advance(10 * MINUTE)
      const token = await session.accessToken()
      expect(s.store.kept?.accessToken, 'kept before it was used').to.equal(token)
      expect(new Set(s.proxy.sent.map((form) => form.get('refresh_token'))).size).to.equal(1)
    })
  })

  describe('drops the session', () => {
    it('on invalid_grant, once, for all callers, and asks no more', async () => {
      const s = await signedIn()
      const session = await s.start()
      await (await s.keyturn.administration.users()).disable('alice', 'operator')
      await s.advance(10 * MINUTE)
      const failures = await Promise.all(Array.from({ length: 50 }, () => failure(session.accessToken())))
      for (const each of failures) expect(each).to.be.instanceOf(SessionEnded)
      expect(await failure(session.accessToken())).to.be.instanceOf(SessionEnded)
      expect([s.store.cleared, s.proxy.sent.length]).to.deep.equal([1, 1])
    })

    it('also while the last access token would still work', async () => {
      const s = await signedIn()
      const session = await s.start()
      await (await s.keyturn.administration.users()).disable('alice', 'operator')
      await s.advance(8 * MINUTE)
      await session.accessToken() // this one still gets the old token, and learns nothing
      await until(() => s.store.cleared === 1)
      expect(await failure(session.accessToken())).to.be.instanceOf(SessionEnded)
    })

    for (const [name, fate] of [
      ['401 invalid_client', { status: 401, body: '{"error":"invalid_client"}' }],
      ['400 invalid_request', { status: 400, body: '{"error":"invalid_request"}' }],
      ['403 from a firewall', { status: 403, body: '{"error":"blocked"}' }],
      ['invalid_grant with another status', { status: 403, body: '{"error":"invalid_grant"}' }],
    ] as const) {
      it(`not on ${name}: the caller is told at once, and the session stays`, async () => {
        const s = await signedIn()
        const session = await s.start()
        await s.advance(10 * MINUTE)
        s.proxy.next(fate)
        expect(await failure(session.accessToken())).to.be.instanceOf(Unavailable)
        expect([s.store.cleared, s.proxy.sent.length]).to.deep.equal([0, 1])
        expect(await s.isActive(await session.accessToken())).to.equal(true)
      })
    }
  })

  describe('two tabs', () => {
    /** What Web Locks do: one at a time. */
    function lock() {
      let last: Promise<unknown> = Promise.resolve()
      return <T>(run: () => Promise<T>): Promise<T> => {
        const mine = last.then(run, run)
        last = mine.catch(() => {})
        return mine
      }
    }

    it('with one store and one lock refresh once between them, however long one of them sleeps', async () => {
      const s = await signedIn(BROWSER)
      const exclusive = lock()
      const [one, two] = [await s.start({ exclusive }), await s.start({ exclusive })]
      await s.advance(10 * MINUTE)
      const [a, b] = await Promise.all([one.accessToken(), two.accessToken()])
      expect(a).to.equal(b)
      expect(s.proxy.sent).to.have.length(1)
      for (let n = 0; n < 5; n++) {
        await s.advance(10 * MINUTE)
        await one.accessToken()
      }
      expect(await s.isActive(await two.accessToken())).to.equal(true)
    })

    it('control: with a store each, the one that has slept ends the session for both', async () => {
      const s = await signedIn()
      const [one, two] = [await s.start(), await s.start({ store: disk(s.store.kept) })]
      for (let n = 0; n < 2; n++) {
        await s.advance(10 * MINUTE)
        await one.accessToken()
      }
      expect(await failure(two.accessToken())).to.be.instanceOf(SessionEnded)
      await s.advance(10 * MINUTE)
      expect(await failure(one.accessToken())).to.be.instanceOf(SessionEnded)
    })
  })

  describe('main.ts with file-store.ts', () => {
    it('R-22 killed with the answer on its way, goes on with the same session when it is started again', async () => {
      const s = await signedIn()
      const directory = mkdtempSync(join(tmpdir(), 'keyturn-client-'))
      afterwards(async () => rmSync(directory, { recursive: true }))
      const file = join(directory, '.session.json')
      const kept = (): Tokens => JSON.parse(readFileSync(file, 'utf8'))
      const start = () => runMain(directory, s)

      expect(await (await start()).ended).to.equal(0)
      expect(statSync(file).mode & 0o777, 'for its owner alone').to.equal(0o600)
      const signedInWith = kept()
      writeFileSync(file, JSON.stringify({ ...signedInWith, refreshAt: 0, expiresAt: 0 }))
      let running: Guarded | undefined
      s.proxy.onAnswer = async () => {
        running?.signal('SIGKILL')
        await running?.ended
      }
      running = await start()
      expect(await running.ended).to.equal(128 + 9)
      expect(kept().refreshToken).to.equal(signedInWith.refreshToken)

      s.proxy.onAnswer = async () => {}
      expect(await (await start()).ended).to.equal(0)
      expect(kept().refreshToken).not.to.equal(signedInWith.refreshToken)
      const grants = s.proxy.sent.map((form) => form.get('grant_type'))
      expect(grants).to.deep.equal(['password', 'refresh_token', 'refresh_token'])
    })

    /** Runs the program as the README says. */
    function runMain(directory: string, { keyturn, client, proxy }: SignedIn): Promise<Guarded> {
      const { PATH, HOME } = process.env
      return startGuard({
        command: process.execPath,
        arguments: ['--import', TSX, join(EXAMPLE, 'main.ts')],
        environment: {
          PATH,
          HOME,
          ISSUER: proxy.origin,
          CLIENT_ID: client.id,
          CLIENT_SECRET: client.secret,
          LOGIN: 'alice',
          PASSWORD: keyturn.password,
        },
        directory,
        removeDirectory: false,
        stopSignal: 'TERM',
        user: {},
      })
    }
  })

  describe('control: what it does is needed', () => {
    it('one that keeps tokens later than it uses them loses the session in a crash', async () => {
      const s = await signedIn()
      const memory = disk(s.store.kept) // and the disk now and then: never, before the crash
      const session = await s.start({ store: memory })
      for (let n = 0; n < 2; n++) {
        await s.advance(10 * MINUTE)
        await session.accessToken()
      }
      const restarted = await s.start()
      expect(await failure(restarted.accessToken())).to.be.instanceOf(SessionEnded)
    })

    it('one that waits for longer than the retry window loses a browser’s session with a lost answer', async () => {
      const s = await signedIn(BROWSER)
      const wait = async (milliseconds: number) => {
        if (milliseconds > 0) await s.advance(61 * SECOND)
      }
      const session = await s.start({ wait })
      await s.advance(10 * MINUTE)
      s.proxy.next('answer lost')
      expect(await failure(session.accessToken())).to.be.instanceOf(SessionEnded)
    })

    it('one that asks for a password when a request fails asks in each outage', async () => {
      const s = await signedIn()
      const session = await s.start({ patienceMs: 0 })
      await s.advance(10 * MINUTE)
      let logins = 0
      for (let outage = 0; outage < 3; outage++) {
        s.proxy.next('answer lost')
        await session.accessToken().catch(() => logins++)
        await s.advance(10 * MINUTE)
      }
      expect(logins).to.equal(3)
    })
  })
})
