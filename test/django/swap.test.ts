import { execFileSync } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { startApp, type TestApp } from '../support/app.ts'
import { TestClock } from '../support/clock.ts'
import { DJANGO_RESOURCE_SERVER, debianPython } from '../support/debian-python.ts'
import { runKeyturn } from '../support/keyturn-process.ts'
import { openPostgres } from '../support/postgres.ts'
import { openRedis } from '../support/redis.ts'
import { afterwards } from '../support/root-hooks.ts'
import { noteSecret } from '../support/secrets.ts'
import { sharedServer } from '../support/shared-servers.ts'
import { lendSigningKeys, testSealingKey } from '../support/signing-keys.ts'

/** Fetched before the first test, outside its time limit. */
const python = sharedServer(async () => ({
  ...(await debianPython([...DJANGO_RESOURCE_SERVER, 'python3-psycopg2'])),
  stop: async () => {},
}))

interface Project {
  readonly key: string
  readonly refresh: Readonly<Record<'ada' | 'bob' | 'cyd' | 'dan' | 'eve' | 'fay', string>>
  readonly ids: Readonly<Record<string, string>>
  readonly second: string
  readonly access: string
  readonly unlisted: Readonly<Record<'ada' | 'eve', string>>
  readonly expired: string
  readonly otherUser: string
  readonly jti: string
}

const JSON_BODY = { 'content-type': 'application/json' }
const DAY_MS = 86_400_000

describe('refresh tokens that a real simplejwt issued', () => {
  let directory: string
  let source: string
  let dump: string
  let key: string
  let project: Project
  let keyturn: TestApp
  let clock: TestClock
  let url: string

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'keyturn-swap-'))
    afterwards(async () => rmSync(directory, { recursive: true, force: true }))
    dump = join(directory, 'dump.json')
    key = join(directory, 'signing.key')
    source = (await openPostgres()).url
    const { program, environment } = await python()
    const script = fileURLToPath(new URL('old_tokens.py', import.meta.url))
    const env = { PATH: process.env['PATH'], ...environment, DATABASE_URL: source }
    project = JSON.parse(execFileSync(program, [script, dump], { env, encoding: 'utf8' }))
    writeFileSync(key, `${project.key}\n`)
    const [line] = testSealingKey.lines()
    writeFileSync(join(directory, 'sealing.key'), `${line.bytes.toString('base64url')}\n`, { mode: 0o600 })
  })

  beforeEach(async () => {
    const opened = await openPostgres()
    url = opened.url
    await lendSigningKeys(opened.database)
    const redisUrl = (await openRedis()).url
    const stores = {
      mode: 'standard',
      redisUrl,
      sealingKey: testSealingKey,
      database: opened.database,
    } as const
    clock = new TestClock(new Date(), { autoAdvance: true })
    keyturn = await startApp({ stores, clock })
    await (await keyturn.administration.clients()).enable('django', 'operator')
    noteSecret(project.key)
    for (const token of Object.values(project.refresh)) noteSecret(token)
  })

  async function importFrom(from: string, ...flags: string[]) {
    const env = { KEYTURN_DATABASE_URL: url, KEYTURN_KEYS_DIR: directory }
    const { code, stdout, stderr } = await runKeyturn(['import', 'django', from, ...flags, '--json'], { env })
    return { code, stderr, body: JSON.parse(stdout) }
  }
  const inDays = (days: number) => new Date(Date.now() + days * DAY_MS).toISOString().slice(0, 10)
  const until = (days: number) => ['--refresh-tokens', '--signing-key', key, '--accept-until', inDays(days)]

  const send = (path: string, body: object) => keyturn.send('POST', path, JSON.stringify(body), JSON_BODY)
  const refresh = (token: string) => send('/api/token/refresh/', { refresh: token })
  async function refusal(token: string) {
    const { status, body } = await refresh(token)
    return [status, body.detail]
  }

  for (const from of ['the database', 'dumpdata']) {
    it(`11: ${from}: people stay signed in, and who had been signed out stays so`, async () => {
      const { body } = await importFrom(from === 'dumpdata' ? dump : source, ...until(20))
      expect(body.refresh_tokens).to.deep.equal({ found: 7, added: 7, present: 0, refused: 0 })
      const { status, body: pair } = await refresh(project.refresh.ada)
      expect(status).to.equal(200)
      expect(pair.refresh).to.match(/^rt1\./)
      const [, payload = ''] = pair.access.split('.')
      expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).to.deep.include({
        sub: project.ids['ada'],
        username: 'ada',
      })
      expect((await refresh(pair.refresh)).status).to.equal(200)
      expect(await refusal(project.refresh.cyd)).to.deep.equal([401, 'Token is blacklisted'])
      expect(await refusal(project.refresh.dan)).to.deep.equal([
        401,
        'No active account found for the given token.',
      ])
    })
  }

  it('20: a lost answer is asked for again, sixteen times at once: one session, one successor', async () => {
    await importFrom(dump, ...until(20))
    const answers = await Promise.all(Array.from({ length: 16 }, () => refresh(project.refresh.ada)))
    expect(new Set(answers.map(({ status }) => status))).to.deep.equal(new Set([200]))
    expect(new Set(answers.map(({ body }) => body.refresh)).size).to.equal(1)
    const sessions = await keyturn.administration.sessions()
    expect(await sessions.list({ user: 'ada' }, 10)).to.have.length(1)
    // Another token of hers is another session.
    expect((await refresh(project.second)).status).to.equal(200)
    expect(await sessions.list({ user: 'ada' }, 10)).to.have.length(2)
  })

  it('21: an old token that comes back after the retry window ends what it began', async () => {
    await importFrom(dump, ...until(20))
    const { body: pair } = await refresh(project.refresh.ada)
    clock.advance(59_000)
    expect((await refresh(project.refresh.ada)).body.refresh).to.equal(pair.refresh)
    clock.advance(2_000)
    expect(await refusal(project.refresh.ada)).to.deep.equal([401, 'Token is blacklisted'])
    expect(await refusal(pair.refresh)).to.deep.equal([401, 'Token is blacklisted'])
    const rows = await (await keyturn.administration.audit()).tail({ limit: 50 })
    const events = rows.map(({ event }) => event)
    expect(events.filter((event) => event === 'old_token.swapped')).to.have.length(1)
    expect(events).to.include('family.reuse')
  })

  it('a swapped token is used up even when nothing of its session is left', async () => {
    await importFrom(dump, ...until(20))
    await refresh(project.refresh.ada)
    await keyturn.stores.database.query('delete from sessions')
    await keyturn.flushRedis()
    expect(await refusal(project.refresh.ada)).to.deep.equal([401, 'Token is blacklisted'])
    // Control: one that was not swapped before is not concerned.
    expect((await refresh(project.second)).status).to.equal(200)
  })

  it('45: what ends the credentials of a user ends old tokens too, before they were swapped', async () => {
    await importFrom(dump, ...until(20))
    const users = await keyturn.administration.users()
    const sessions = await keyturn.administration.sessions()
    clock.advance(1000)
    await sessions.endOfUser('ada', 'operator')
    await users.setPassword('bob', keyturn.password, 'operator')
    expect(await refusal(project.refresh.ada)).to.deep.equal([401, 'Token is blacklisted'])
    expect(await refusal(project.refresh.bob)).to.deep.equal([401, 'Token is blacklisted'])
    // Importing again brings none of them back.
    expect((await importFrom(dump, ...until(20))).body.refresh_tokens).to.deep.include({
      added: 0,
      present: 7,
    })
    expect(await refusal(project.refresh.ada)).to.deep.equal([401, 'Token is blacklisted'])
    expect((await refresh(project.refresh.fay)).status).to.equal(200)
  })

  it('13: a logout with an old token ends it, swapped or not', async () => {
    await importFrom(dump, ...until(20))
    const { body: pair } = await refresh(project.refresh.ada)
    for (const token of [project.refresh.ada, project.refresh.fay]) {
      await send('/api/token/blacklist/', { refresh: token })
      expect(await refusal(token)).to.deep.equal([401, 'Token is blacklisted'])
    }
    expect(await refusal(pair.refresh)).to.deep.equal([401, 'Token is blacklisted'])
    expect((await refresh(project.refresh.bob)).status).to.equal(200)
  })

  it('only what the old key signed for a refresh, and what is outstanding, is taken', async () => {
    await importFrom(dump, ...until(20))
    const [head, payload] = project.second.split('.') as [string, string]
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
    const sign = (header: object, body: object, secret = project.key, hash = 'sha256') => {
      const signed = [header, body]
        .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
        .join('.')
      return `${signed}.${createHmac(hash, secret).update(signed).digest('base64url')}`
    }
    const bad = {
      'another key': sign({ alg: 'HS256' }, claims, 'another key, long enough to be one of the kind'),
      'another algorithm': sign({ alg: 'HS512' }, claims, project.key, 'sha512'),
      'no algorithm': `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.x`,
      'no signature': `${head}.${payload}.`,
      'no jti': sign({ alg: 'HS256' }, { ...claims, jti: undefined }),
      'a list as jti': sign({ alg: 'HS256' }, { ...claims, jti: [claims.jti] }),
      'no exp': sign({ alg: 'HS256' }, { ...claims, exp: undefined }),
      'exp beyond all times': sign({ alg: 'HS256' }, { ...claims, exp: 1e300 }),
      'a sliding token': sign({ alg: 'HS256' }, { ...claims, token_type: 'sliding' }),
      'no list has it': project.unlisted.ada,
      "another user's": project.otherUser,
    }
    for (const [what, token] of Object.entries(bad))
      expect(await refusal(token), what).to.deep.equal([401, 'Token is invalid'])
    expect(await refusal(project.expired)).to.deep.equal([401, 'Token is expired'])
    expect(await refusal(project.access)).to.deep.equal([401, 'Token has wrong type'])
    // Control: the same claims, signed as they were, are good.
    expect((await refresh(sign({ alg: 'HS256' }, claims))).status).to.equal(200)
  })

  it('nothing is swapped from the date on, nor before there is a key', async () => {
    expect(await refusal(project.refresh.ada)).to.deep.equal([401, 'Token is invalid'])
    clock.advance(16_000)
    await importFrom(dump, ...until(20))
    expect((await refresh(project.refresh.ada)).status).to.equal(200)
    clock.set(new Date(inDays(20)))
    expect(await refusal(project.refresh.bob)).to.deep.equal([401, 'Token is expired'])
  })

  it('without a list: by the signature alone where that is asked for, and never for staff', async () => {
    await importFrom(dump, ...until(20), '--without-outstanding')
    expect((await refresh(project.unlisted.ada)).status).to.equal(200)
    expect(await refusal(project.unlisted.eve)).to.deep.equal([401, 'Token is invalid'])
    expect((await refresh(project.refresh.eve)).status).to.equal(200)
  })

  it("dj-rest-auth's refresh swaps as well", async () => {
    await importFrom(dump, ...until(20))
    const { status, body } = await send('/dj-rest-auth/token/refresh/', { refresh: project.refresh.ada })
    expect([status, body.refresh.slice(0, 4)]).to.deep.equal([200, 'rt1.'])
  })

  it('what does not go together is refused before anything is taken, and the key is never shown', async () => {
    const weak = join(directory, 'weak.key')
    writeFileSync(weak, 'short')
    for (const [flags, code, error] of [
      [['--refresh-tokens'], 2, 'misuse'],
      [['--accept-until', inDays(3)], 2, 'misuse'],
      [['--refresh-tokens', '--signing-key', key, '--accept-until', 'soon'], 2, 'misuse'],
      [until(91), 1, 'old_key_invalid'],
      [until(-1), 1, 'old_key_invalid'],
      [['--refresh-tokens', '--signing-key', weak, '--accept-until', inDays(3)], 1, 'old_key_invalid'],
      [[...until(3), '--signing-algorithm', 'RS256'], 1, 'old_key_invalid'],
    ] as const) {
      const answer = await importFrom(dump, ...flags)
      expect([answer.code, answer.body.error], flags.join(' ')).to.deep.equal([code, error])
      expect(JSON.stringify(answer)).not.to.include(project.key)
    }
    expect(await (await keyturn.administration.users()).list(10)).to.deep.equal([])
    const dry = await importFrom(dump, ...until(20), '--dry-run')
    expect(dry.body.refresh_tokens).to.deep.include({ found: 7, added: 7 })
    expect(await keyturn.stores.database.query('select * from old_refresh_tokens')).to.deep.equal([])
  })
})
