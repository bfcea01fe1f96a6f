import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { startApp, type TestApp } from '../support/app.ts'
import { debianPython } from '../support/debian-python.ts'
import { type GuardedProcess, startGuarded } from '../support/guarded-process.ts'
import { afterwards } from '../support/root-hooks.ts'
import { serverDirectory } from '../support/server-user.ts'
import { sharedServer } from '../support/shared-servers.ts'

/** Fetched before the first test, outside its time limit. */
const python = sharedServer(async () => ({
  ...(await debianPython([
    'python3-django',
    'python3-djangorestframework',
    'python3-djangorestframework-simplejwt',
    'python3-djangorestframework-api-key',
    'python3-jwt',
    'python3-pkg-resources', // simplejwt imports it, but Debian's package does not say so
  ])),
  stop: async () => {},
}))

/** What is sent to both; the tokens of the first login stand for `$access` and `$refresh`. */
interface Exchange {
  readonly what: string
  readonly method?: string
  readonly path: string
  readonly body?: unknown
  readonly text?: string
  readonly headers?: Record<string, string>
}

/** Where Keyturn differs on purpose, by the exchange it is about (docs/from-django.md). */
const DIFFERENCES: Readonly<Record<string, string>> = {
  'a wrong password': 'code besides the detail',
  'an unknown user': 'code besides the detail',
  'an inactive user': 'code besides the detail',
  'broken JSON': 'the words after the dash',
  'no base64 after Basic': 'it is said',
  'no colon after Basic': 'it is said, as Django REST Framework does from 3.15 on; Debian’s is older',
  'an API key': 'it says whose it is',
  'a revoked API key': 'it is said, and not that nothing came',
  'an expired API key': 'it is said, and not that nothing came',
  'an API key of nobody': 'it is said, and not that nothing came',
  'no API key after the word': 'it is said, and not that nothing came',
  'to verify a blacklisted token': '401, not 400 or 200',
  'the access token of a blacklisted session': 'refused at once',
}
/** Debian's simplejwt is 5.2; the texts are those of 5.5 (seed contract 2.1). */
const NEWER_TEXT: Readonly<Record<string, string>> = { 'Token is invalid or expired': 'Token is invalid' }

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const PASSWORD = 'correct horse battery staple'
const alice = { username: 'alice', password: PASSWORD }
const token = '/api/token/'

const KEY_LOGIN = '/api-token-auth/'
const basic = (username: string, password: string) => `Basic ${btoa(`${username}:${password}`)}`

/** Requests for the view that needs a user, by what their `Authorization` says. */
const AUTHORIZATIONS: Readonly<Record<string, string>> = {
  'an authtoken': 'Token $key',
  'an authtoken after token': 'token $key',
  'an authtoken of nobody': `Token ${'0'.repeat(40)}`,
  'an authtoken that is none': 'Token x',
  'no authtoken after the word': 'Token',
  'an authtoken of two words': 'Token a b',
  'a username and a password': basic('alice', PASSWORD),
  'a wrong password, by Basic': basic('alice', 'wrong'),
  'nobody, by Basic': basic('nobody', PASSWORD),
  'an inactive user, by Basic': basic('bob', PASSWORD),
  'nothing after Basic': 'Basic',
  'two words after Basic': 'Basic a b',
  'no base64 after Basic': 'Basic ?',
  'no colon after Basic': `Basic ${btoa('alice')}`,
  'an API key': 'Api-Key $apiKey',
  'a revoked API key': 'Api-Key $revokedApiKey',
  'an expired API key': 'Api-Key $expiredApiKey',
  'an API key of nobody': `Api-Key ${'a'.repeat(8)}.${'b'.repeat(32)}`,
  'no API key after the word': 'Api-Key',
}

const EXCHANGES: readonly Exchange[] = [
  { what: 'a key for a login', path: KEY_LOGIN, body: alice },
  {
    what: 'a key for a login by form',
    path: KEY_LOGIN,
    text: new URLSearchParams(alice).toString(),
    headers: FORM,
  },
  { what: 'a key for a wrong password', path: KEY_LOGIN, body: { ...alice, password: 'wrong' } },
  { what: 'a key for an unknown user', path: KEY_LOGIN, body: { ...alice, username: 'nobody' } },
  { what: 'a key for an inactive user', path: KEY_LOGIN, body: { ...alice, username: 'bob' } },
  { what: 'a key for nothing', path: KEY_LOGIN, body: {} },
  { what: 'a key for empty fields', path: KEY_LOGIN, body: { username: ' ', password: '' } },
  { what: 'a key for null', path: KEY_LOGIN, body: { username: null, password: null } },
  { what: 'a key by GET', method: 'GET', path: KEY_LOGIN },
  ...Object.entries(AUTHORIZATIONS).map(([what, authorization]) => ({
    what,
    method: 'GET',
    path: '/api/protected/',
    headers: { authorization },
  })),
  { what: 'a good login', path: token, body: alice },
  { what: 'a good login by form', path: token, text: new URLSearchParams(alice).toString(), headers: FORM },
  {
    what: 'a login with spaces around',
    path: token,
    body: { username: ' alice ', password: ` ${PASSWORD} ` },
  },
  { what: 'unknown fields', path: token, body: { ...alice, remember: true } },
  { what: 'a bad Authorization header', path: token, body: alice, headers: { authorization: 'Bearer x' } },
  { what: 'a wrong password', path: token, body: { ...alice, password: 'wrong' } },
  { what: 'an unknown user', path: token, body: { ...alice, username: 'nobody' } },
  { what: 'an inactive user', path: token, body: { ...alice, username: 'bob' } },
  { what: 'no fields', path: token, body: {} },
  { what: 'no body', path: token },
  { what: 'one field', path: token, body: { username: 'alice' } },
  { what: 'empty fields', path: token, body: { username: '', password: ' ' } },
  { what: 'null', path: token, body: { username: null, password: 'x' } },
  { what: 'an array for a field', path: token, body: { username: [], password: {} } },
  { what: 'a boolean for a field', path: token, body: { username: true, password: 'x' } },
  { what: 'NUL', path: token, body: { username: 'a\0b', password: 'x' } },
  { what: 'a list', path: token, body: [] },
  { what: 'a string', path: token, body: 'x' },
  { what: 'a number', path: token, body: 7 },
  { what: 'null for a body', path: token, body: null },
  { what: 'broken JSON', path: token, text: '{"username":' },
  { what: 'another media type', path: token, text: '<a/>', headers: { 'content-type': 'application/xml' } },
  { what: 'another Accept', path: token, body: alice, headers: { accept: 'text/csv' } },
  { what: 'another method', method: 'GET', path: token },
  { what: 'to verify a good access token', path: '/api/token/verify/', body: { token: '$access' } },
  { what: 'to verify a good refresh token', path: '/api/token/verify/', body: { token: '$refresh' } },
  { what: 'to verify nonsense', path: '/api/token/verify/', body: { token: 'x' } },
  { what: 'to verify nothing', path: '/api/token/verify/', body: {} },
  { what: 'to refresh with an access token', path: '/api/token/refresh/', body: { refresh: '$access' } },
  { what: 'to refresh with nonsense', path: '/api/token/refresh/', body: { refresh: 'x' } },
  { what: 'to refresh with nothing', path: '/api/token/refresh/', body: {} },
  { what: 'to blacklist an access token', path: '/api/token/blacklist/', body: { refresh: '$access' } },
  { what: 'to blacklist nonsense', path: '/api/token/blacklist/', body: { refresh: 'x' } },
  {
    what: 'a resource, signed in',
    method: 'GET',
    path: '/api/protected/',
    headers: { authorization: 'Bearer $access' },
  },
  { what: 'a resource, by nobody', method: 'GET', path: '/api/protected/' },
  {
    what: 'a resource, one word',
    method: 'GET',
    path: '/api/protected/',
    headers: { authorization: 'Bearer' },
  },
  {
    what: 'a resource, three words',
    method: 'GET',
    path: '/api/protected/',
    headers: { authorization: 'Bearer a b' },
  },
  {
    what: 'a resource, another scheme',
    method: 'GET',
    path: '/api/protected/',
    headers: { authorization: 'Wrong x' },
  },
  {
    what: 'a resource, nonsense',
    method: 'GET',
    path: '/api/protected/',
    headers: { authorization: 'Bearer x' },
  },
  { what: 'to blacklist', path: '/api/token/blacklist/', body: { refresh: '$refresh' } },
  { what: 'to blacklist again', path: '/api/token/blacklist/', body: { refresh: '$refresh' } },
  { what: 'to refresh a blacklisted token', path: '/api/token/refresh/', body: { refresh: '$refresh' } },
  { what: 'to verify a blacklisted token', path: '/api/token/verify/', body: { token: '$refresh' } },
  {
    what: 'the access token of a blacklisted session',
    method: 'GET',
    path: '/api/protected/',
    headers: { authorization: 'Bearer $access' },
  },
]

interface Said {
  readonly status: number
  readonly body: unknown
  readonly challenge: string | null
  readonly allow: string | null
}

describe('the Django door beside a real Django REST Framework with simplejwt', () => {
  let keyturn: TestApp
  let django: GuardedProcess
  let origins: { readonly django: string; readonly keyturn: string }
  before(async () => {
    const { program, environment } = await python()
    django = await startGuarded({
      command: program,
      arguments: [fileURLToPath(new URL('./reference.py', import.meta.url))],
      environment: { ...environment, USER_PASSWORD: PASSWORD },
      directory: serverDirectory('django'),
      removeDirectory: true,
      stopSignal: 'TERM',
      ready: /listening on/,
    })
    afterwards(django.stop)
    keyturn = await startApp({ environment: { KEYTURN_BASIC_AUTHENTICATION: '1' } })
    for (const name of ['alice', 'bob']) await keyturn.createUser(name)
    await (await keyturn.administration.users()).disable('bob', 'operator')
    await (await keyturn.administration.clients()).enable('django', 'operator')
    origins = {
      django: /listening on (http:\S+)/.exec(django.output())?.[1] ?? '',
      keyturn: keyturn.origin,
    }
  })

  async function send(origin: string, tokens: Record<string, string>, exchange: Exchange): Promise<Said> {
    const { method = 'POST', path, body, text, headers = {} } = exchange
    const filled = (given: string) => given.replace(/\$(\w+)/g, (_, name) => tokens[name] ?? '')
    const sent = text ?? (body === undefined ? undefined : filled(JSON.stringify(body)))
    const entries = Object.entries(headers).map(([name, value]) => [name, filled(value)])
    const type = sent === undefined ? {} : { 'content-type': 'application/json' }
    const answer = await fetch(origin + path, {
      method,
      headers: { ...type, ...Object.fromEntries(entries) },
      ...(sent !== undefined && { body: sent }),
    })
    return {
      status: answer.status,
      body: await answer.json(),
      challenge: answer.headers.get('www-authenticate'),
      allow: answer.headers.get('allow'),
    }
  }

  /** All exchanges with one server, one after another. */
  async function converse(origin: string, keys: Record<string, string>): Promise<Map<string, Said>> {
    const login = await send(origin, {}, { what: 'sign in', path: token, body: alice })
    const { token: key } = (await send(origin, {}, { what: 'key', path: KEY_LOGIN, body: alice })).body as {
      token: string
    }
    const tokens = { ...(login.body as Record<string, string>), key, ...keys }
    const all = new Map<string, Said>()
    for (const exchange of EXCHANGES) all.set(exchange.what, await send(origin, tokens, exchange))
    return all
  }

  /** One of alice's of each kind: here a key says whose it is. */
  async function apiKeys(): Promise<Record<string, string>> {
    const administration = await keyturn.administration.apiKeys()
    const make = (details = {}) => administration.create({ name: 'x', user: 'alice', ...details }, 'operator')
    const revoked = await make()
    await administration.revoke(revoked.id, 'operator')
    const expired = await make({ expiresInSeconds: 3600 })
    const database = keyturn.stores.database
    await database.query('update api_keys set expires_at = created_at where id = $1', [expired.id])
    return { apiKey: (await make()).key, revokedApiKey: revoked.key, expiredApiKey: expired.key }
  }

  /** Without what differs from one answer to the next: tokens, and the texts of simplejwt before 5.5. */
  function comparable(said: Said | undefined): unknown {
    const text = JSON.stringify(said, (name, value) =>
      ['access', 'refresh', 'token'].includes(name) && String(value).length > 20
        ? typeof value
        : (NEWER_TEXT[value as string] ?? value),
    )
    return JSON.parse(text)
  }

  it('gives the same status, body and headers, but for the differences that are written down', async () => {
    const [, apiKey = '', revokedApiKey = '', expiredApiKey = ''] =
      /^keys (\S+) (\S+) (\S+)$/m.exec(django.output()) ?? []
    const theirs = await converse(origins.django, { apiKey, revokedApiKey, expiredApiKey })
    const ours = await converse(origins.keyturn, await apiKeys())
    for (const { what } of EXCHANGES) {
      const [their, our] = [comparable(theirs.get(what)), comparable(ours.get(what))]
      if (what in DIFFERENCES) expect(our, `${what}: no difference any more`).not.to.deep.equal(their)
      else expect(our, what).to.deep.equal(their)
    }
    expect(theirs.size).to.equal(EXCHANGES.length)
  })
})
