import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect } from 'chai'
import { readConfig } from '../../src/config.ts'
import { keySchedule, permittedStalenessSeconds, publishToActivateSeconds } from '../../src/keys/schedule.ts'
import { LATE_WINDOW_SECONDS } from '../../src/tokens/rotation.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { TestClock } from '../support/clock.ts'
import { afterwards } from '../support/root-hooks.ts'
import { startLosingProxy } from './losing-proxy.ts'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const DOCUMENT = read('docs/resource-servers.md')
const CLIENTS = read('docs/clients.md')

/** The code block of a language: the first, or another. */
function code(document: string, language: string, at = 0): string {
  const blocks = [...document.matchAll(new RegExp(`\`\`\`${language}\n([^]*?)\n\`\`\``, 'g'))]
  return blocks[at]?.[1] ?? ''
}

/** Its lines, without what they are indented by and those that are empty. */
function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
}

for (const [name, language, example, atLeast, at = 0] of [
  ['docs/resource-servers.md', 'ts', 'examples/resource-server-node/server.ts', 5],
  ['docs/resource-servers.md', 'ts', 'test/resource/frameworks.ts', 5, 1],
  ['docs/resource-servers.md', 'ts', 'test/resource/introspection.test.ts', 2, 2],
  ['docs/resource-servers.md', 'ts', 'examples/resource-server-jose/server.ts', 5, 3],
  ['docs/resource-servers.md', 'python', 'examples/resource-server-fastapi/server.py', 5, 1],
  ['docs/resource-servers.md', 'nginx', 'examples/gateway-nginx/keyturn.conf', 5],
  ['docs/resource-servers.md', 'python', 'examples/resource-server-django/server.py', 5],
  ['docs/clients.md', 'ts', 'examples/client-node/main.ts', 5],
  ['docs/clients.md', 'python', 'examples/client-python/session.py', 2],
] as const) {
  it(`${name} shows what ${example} does, which is run`, () => {
    const lines = linesOf(code(read(name), language, at))
    expect(lines).to.have.length.of.at.least(atLeast)
    expect(linesOf(read(example))).to.include.members(lines)
  })
}

describe('docs/resource-servers.md', () => {
  it('reckons with the schedule that is in force', () => {
    const { keyRotationPeriodSeconds, jwksMaxAgeSeconds } = readConfig({})
    const schedule = keySchedule({ rotationPeriodSeconds: keyRotationPeriodSeconds, jwksMaxAgeSeconds })
    const text = DOCUMENT.replaceAll(/\s+/g, ' ')
    expect(text).to.include(`at least ${publishToActivateSeconds(schedule)} seconds before it signs`)
    expect(text).to.include(`${permittedStalenessSeconds(schedule)} s in caches on the way`)
    expect(text).to.include(`for longer than ${schedule.verifierCacheSeconds} seconds`)
  })
})

describe('docs/clients.md', () => {
  it('reckons with the limits that are in force', () => {
    const text = CLIENTS.replaceAll(/\s+/g, ' ')
    const config = readConfig({})
    expect(text).to.include(`the ${config.refreshRetryWindowSeconds} seconds in which`)
    expect(text).to.include(`within ${config.refreshRetryWindowSeconds} s of`)
    expect(text).to.include(`up to ${LATE_WINDOW_SECONDS / 3600} h |`)
    expect(text).to.include(`refreshed for ${config.refreshIdleTtlSeconds / 86_400} days ends`)
    expect(text).to.include(`each ends ${config.refreshAbsoluteTtlSeconds / 86_400} days after`)
    const example = read('examples/client-node/session.ts')
    expect(text).to.include('a request may take 10 seconds')
    expect(example).to.include('timeoutMs = 10_000')
    expect(text).to.include('grow to 8 at most')
    expect(example).to.include('Math.min(8_000, 250 * 2 ** attempt)')
  })

  describe('its table of repeated tokens is what the server answers', () => {
    const AGES = [30, 12 * 3600, 25 * 3600]
    /** What is presented, by the beginning of the row, of a session that has been refreshed twice. */
    const ROWS: readonly (readonly [row: string, details: Details, presented: Presented])[] = [
      ['the live token', {}, (s) => s.tokens[2]],
      ['its predecessor, late policy `supersede`', { latePolicy: 'supersede' }, (s) => s.tokens[1]],
      ['its predecessor, late policy `revoke`', { latePolicy: 'revoke' }, (s) => s.tokens[1]],
      ['any token before that', {}, (s) => s.tokens[0]],
      [
        'one of a session that was ended',
        {},
        async (s) => {
          await s.keyturn.post('/oauth/revoke', { token: s.tokens[2] ?? '' }, s.client)
          return s.tokens[2]
        },
      ],
      ['one of another client', {}, (s) => s.tokens[2]],
    ]
    const [table = ''] = CLIENTS.split('| presented ')[1]?.split('\n\n') ?? []
    const rows = linesOf(table).slice(2)

    it('and has no other rows', () => {
      expect(rows).to.have.length(ROWS.length)
    })

    for (const [index, [row, details, presented]] of ROWS.entries()) {
      it(row, async () => {
        const [first, ...cells] = rows[index]?.split('|').slice(1, -1) ?? []
        expect(first?.trim()).to.satisfy((text: string) => text.startsWith(row))
        expect(cells).to.have.length(AGES.length)
        let said = ''
        for (const [column, seconds] of AGES.entries()) {
          const cell = cells[column]?.trim() ?? ''
          if (!cell.startsWith('the same')) said = cell
          const s = await refreshedTwice(details)
          const token = (await presented(s)) ?? ''
          s.clock.advance(seconds * 1000)
          await s.keyturn.app.reloadKeys()
          const by = row === 'one of another client' ? await s.keyturn.createClient() : s.client
          const answer = await s.keyturn.refresh(by, token)
          expect(said.startsWith(String(answer.status)), `${cell}: ${answer.status}`).to.equal(true)
          if (answer.status === 400) expect(answer.body.error).to.equal('invalid_grant')
          const isRepeated = answer.body.refresh_token === s.tokens[2]
          expect(isRepeated, said).to.equal(/the same refresh token|as above/.test(said))
          if (answer.status === 200 || row.startsWith('one of a session')) continue
          const after = await s.keyturn.refresh(s.client, s.tokens[2] ?? '')
          expect(after.status, said).to.equal(said.includes('session is over') ? 400 : 200)
        }
      })
    }
  })

  it('its browser code refreshes once for two tabs, and goes on after a lost answer', async () => {
    const { keyturn, client, tokens } = await refreshedTwice({ isPublic: true })
    const proxy = await startLosingProxy(keyturn.origin)
    const stored = new Map<string, string>()
    let last: Promise<unknown> = Promise.resolve()
    pretend('localStorage', {
      getItem: (name: string) => stored.get(name) ?? null,
      setItem: (name: string, value: string) => stored.set(name, value),
      removeItem: (name: string) => stored.delete(name),
    })
    pretend('navigator', {
      locks: {
        request(_name: string, run: () => Promise<unknown>) {
          const mine = last.then(run, run)
          last = mine.catch(() => {})
          return mine
        },
      },
    })
    stored.set(
      'session',
      JSON.stringify({ accessToken: '', refreshToken: tokens[2], refreshAt: 0, expiresAt: 0 }),
    )
    const directory = mkdtempSync(join(tmpdir(), 'keyturn-browser-'))
    afterwards(async () => rmSync(directory, { recursive: true }))
    const source = code(CLIENTS, 'js')
      .replace('./session.ts', new URL('../../examples/client-node/session.ts', import.meta.url).href)
      .replace("'/oauth/token'", `'${proxy.origin}/oauth/token'`)
      .replace("'CLIENT_ID'", `'${client.id}'`)
    const open = async (tab: string) => {
      writeFileSync(join(directory, `${tab}.mjs`), source)
      const { session } = await import(pathToFileURL(join(directory, `${tab}.mjs`)).href)
      return session as { accessToken(): Promise<string> }
    }
    const [one, two] = [await open('one'), await open('two')]
    proxy.next('answer lost')
    const [a, b] = await Promise.all([one.accessToken(), two.accessToken()])
    expect(a).to.match(/^eyJ/)
    expect(b).to.equal(a)
    expect(proxy.sent.map((form) => form.get('refresh_token'))).to.deep.equal([tokens[2], tokens[2]])
    expect(JSON.parse(stored.get('session') ?? '{}').accessToken).to.equal(a)
  })
})

type Details = Parameters<TestApp['createClient']>[0]
type Refreshed = Awaited<ReturnType<typeof refreshedTwice>>
type Presented = (s: Refreshed) => string | undefined | Promise<string | undefined>

/** A session and its three refresh tokens so far, the last of them live, the clock at the last refresh. */
async function refreshedTwice(details: Details) {
  const clock = new TestClock(undefined, { autoAdvance: true })
  const keyturn = await startApp({ clock })
  const client = await keyturn.createClient(details)
  await keyturn.createUser('alice')
  const tokens = [(await keyturn.signIn(client, 'alice')).body.refresh_token as string]
  for (const n of [0, 1]) tokens.push((await keyturn.refresh(client, tokens[n] ?? '')).body.refresh_token)
  return { clock, keyturn, client, tokens }
}

/** Gives this process a global that browsers have, until the test ends. */
function pretend(name: string, value: unknown): void {
  const before = Object.getOwnPropertyDescriptor(globalThis, name)
  Object.defineProperty(globalThis, name, { value, configurable: true })
  afterwards(async () => {
    if (before) Object.defineProperty(globalThis, name, before)
    else Reflect.deleteProperty(globalThis, name)
  })
}
