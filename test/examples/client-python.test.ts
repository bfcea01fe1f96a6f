import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { startApp } from '../support/app.ts'
import { debianPython } from '../support/debian-python.ts'
import { type Guarded, startGuard } from '../support/guard.ts'
import { afterwards } from '../support/root-hooks.ts'
import { sharedServer } from '../support/shared-servers.ts'
import { type Fate, startLosingProxy } from './losing-proxy.ts'

const PROGRAM = fileURLToPath(new URL('../../examples/client-python/session.py', import.meta.url))

/** Fetched before the first test, outside its time limit. */
const python = sharedServer(async () => ({
  ...(await debianPython(['python3-requests'])),
  stop: async () => {},
}))

/** A client whose session is in a file, behind a proxy that loses things. */
async function signedIn() {
  const keyturn = await startApp()
  const client = await keyturn.createClient()
  await keyturn.createUser('alice')
  const proxy = await startLosingProxy(keyturn.origin)
  const directory = mkdtempSync(join(tmpdir(), 'keyturn-client-'))
  afterwards(async () => rmSync(directory, { recursive: true }))
  const file = join(directory, '.session.json')
  const { program, environment } = await python()
  const { PATH, HOME } = process.env

  const start = (): Promise<Guarded> =>
    startGuard({
      command: program,
      arguments: [PROGRAM],
      environment: {
        PATH,
        HOME,
        ...environment,
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
  const kept = () => JSON.parse(readFileSync(file, 'utf8')) as Record<string, string | number>
  const first = await start()
  expect(await first.ended, first.stderr()).to.equal(0)
  return {
    keyturn,
    proxy,
    file,
    start,
    kept,
    /** Makes the stored access token old enough to be replaced. */
    expire: () => writeFileSync(file, JSON.stringify({ ...kept(), refresh_at: 0, expires_at: 0 })),
    /** The refresh tokens presented so far. */
    presented: () => proxy.sent.map((form) => form.get('refresh_token')).filter((token) => token !== null),
  }
}

describe('the client of examples/client-python', () => {
  it('signs in once, and goes on with what it has kept for its owner alone', async () => {
    const s = await signedIn()
    expect(statSync(s.file).mode & 0o777).to.equal(0o600)
    const again = await s.start()
    expect(await again.ended).to.equal(0)
    expect(s.proxy.sent).to.have.length(1)
  })

  for (const [name, ...fates] of [
    ['R-21 a lost answer, and one that is cut', 'answer lost', 'answer cut'],
    ['R-23 a proxy that repeats the request', 'sent twice'],
    ['503 with Retry-After', { status: 503, headers: { 'retry-after': '1' }, body: '{}' }],
    ['what a captive portal says', { status: 200, body: '<h1>Welcome</h1>' }],
    ['a redirect', { status: 302, headers: { location: '/elsewhere' }, body: '[]' }],
  ] as readonly (readonly [string, ...Fate[]])[]) {
    it(`asks again with the same token: ${name}`, async () => {
      const s = await signedIn()
      const before = s.kept()['refresh_token']
      s.expire()
      s.proxy.next(...fates)
      const run = await s.start()
      expect(await run.ended, run.stderr()).to.equal(0)
      expect(new Set(s.presented())).to.deep.equal(new Set([before]))
      expect(s.kept()['refresh_token']).not.to.equal(before)
    })
  }

  it('R-22 killed with the answer on its way, goes on with the same session when it is started again', async () => {
    const s = await signedIn()
    const before = s.kept()['refresh_token']
    s.expire()
    let running: Guarded | undefined
    s.proxy.onAnswer = async () => {
      running?.signal('SIGKILL')
      await running?.ended
    }
    running = await s.start()
    expect(await running.ended).to.equal(128 + 9)
    expect(s.kept()['refresh_token']).to.equal(before)
    s.proxy.onAnswer = async () => {}
    expect(await (await s.start()).ended).to.equal(0)
    expect(s.presented()).to.deep.equal([before, before])
  })

  it('five processes refresh once between them', async () => {
    const s = await signedIn()
    s.expire()
    const runs = await Promise.all(Array.from({ length: 5 }, () => s.start()))
    expect(await Promise.all(runs.map(({ ended }) => ended))).to.deep.equal([0, 0, 0, 0, 0])
    expect(s.presented()).to.have.length(1)
  })

  it('goes on with a token that still works while the server is away', async () => {
    const s = await signedIn()
    const before = s.kept()
    writeFileSync(s.file, JSON.stringify({ ...before, refresh_at: 0 }))
    s.proxy.always('request lost')
    for (let n = 0; n < 2; n++) expect(await (await s.start()).ended).to.equal(0)
    expect(s.presented(), 'the second does not even try').to.have.length(1)
    expect(s.kept()['refresh_token']).to.equal(before['refresh_token'])
  })

  it('drops the session on invalid_grant alone', async () => {
    const s = await signedIn()
    s.expire()
    s.proxy.next({ status: 401, body: '{"error":"invalid_client"}' })
    const refused = await s.start()
    expect(await refused.ended).to.equal(1)
    expect(refused.stderr()).to.include('Unavailable')
    await (await s.keyturn.administration.users()).disable('alice', 'operator')
    const run = await s.start()
    expect(await run.ended).to.equal(1)
    expect(run.stderr()).to.include('SessionEnded')
    expect(() => s.kept()).to.throw('ENOENT')
  })
})
