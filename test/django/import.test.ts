import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { startApp, type TestApp } from '../support/app.ts'
import { debianPython } from '../support/debian-python.ts'
import { runKeyturn } from '../support/keyturn-process.ts'
import { openPostgres } from '../support/postgres.ts'
import { afterwards } from '../support/root-hooks.ts'
import { noteSecret } from '../support/secrets.ts'
import { sharedServer } from '../support/shared-servers.ts'
import { lendSigningKeys, testSealingKey } from '../support/signing-keys.ts'

/** Fetched before the first test, outside its time limit. */
const python = sharedServer(async () => ({
  ...(await debianPython([
    'python3-django',
    'python3-djangorestframework',
    'python3-djangorestframework-api-key',
    'python3-psycopg2',
    'python3-pkg-resources',
  ])),
  stop: async () => {},
}))

interface Project {
  /** What its people know. */
  readonly passwords: Readonly<Record<string, string>>
  readonly authtokens: Readonly<Record<string, string>>
  readonly ids: Readonly<Record<string, string>>
  readonly apiKey: string
  readonly newerApiKey: string
  readonly revokedApiKey: string
}

const COUNTS = {
  users: { found: 5, added: 3, present: 0, refused: 2 },
  authtokens: { found: 5, added: 3, present: 0, refused: 2 },
  api_keys: { found: 3, added: 3, present: 0, refused: 0 },
}

describe('keyturn import django, from what a real Django wrote', () => {
  let directory: string
  let dumps: string[]
  let source: string
  let project: Project
  let keyturn: TestApp
  let url: string

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'keyturn-django-'))
    afterwards(async () => rmSync(directory, { recursive: true, force: true }))
    dumps = ['dump.json', 'dump.jsonl'].map((name) => join(directory, name))
    source = (await openPostgres()).url
    const { program, environment } = await python()
    const script = fileURLToPath(new URL('project.py', import.meta.url))
    const env = { PATH: process.env['PATH'], ...environment, DATABASE_URL: source }
    project = JSON.parse(execFileSync(program, [script, ...dumps], { env, encoding: 'utf8' }))
  })

  beforeEach(async () => {
    const opened = await openPostgres()
    url = opened.url
    await lendSigningKeys(opened.database)
    const stores = { mode: 'small', redisUrl: undefined, sealingKey: testSealingKey } as const
    keyturn = await startApp({ stores: { ...stores, database: opened.database } })
    await (await keyturn.administration.clients()).enable('django', 'operator')
    for (const secret of Object.values(project.passwords)) noteSecret(secret)
    for (const secret of Object.values(project.authtokens)) noteSecret(secret)
    for (const secret of [project.apiKey, project.newerApiKey]) noteSecret(secret)
  })

  async function importFrom(from: string, ...flags: string[]) {
    const env = { KEYTURN_DATABASE_URL: url }
    const { code, stdout, stderr } = await runKeyturn(['import', 'django', from, ...flags, '--json'], { env })
    return { code, stderr, body: JSON.parse(stdout) }
  }
  const signIn = (username: string) =>
    keyturn.send('POST', '/api/token/', JSON.stringify({ username, password: project.passwords[username] }), {
      'content-type': 'application/json',
    })
  const visit = (authorization: string) => keyturn.get('/api/protected/', { authorization })

  for (const kind of ['the database', 'dumpdata as JSON', 'dumpdata a record a line']) {
    it(`29: ${kind}: everybody goes on with what they know`, async () => {
      const from = { 'the database': source, 'dumpdata as JSON': dumps[0] }[kind] ?? dumps[1] ?? ''
      const { code, body } = await importFrom(from)
      expect(code).to.equal(1) // two users were refused
      expect(body).to.deep.include(COUNTS)
      expect(body.refused.map(({ error }: { error: string }) => error)).to.deep.equal([
        'hash_legacy',
        'username_taken',
        'key_unusable',
        'key_unusable',
      ])
      if (from !== source) expect(body.left_out).to.include({ 'auth.group': 1 })

      for (const username of ['ada', 'bob']) expect((await signIn(username)).status, username).to.equal(200)
      for (const username of ['cyd', 'dan', 'eve']) expect((await signIn(username)).status).to.equal(401)
      expect((await visit(`Token ${project.authtokens['ada']}`)).status).to.equal(200)
      for (const username of ['cyd', 'dan', 'eve'])
        expect((await visit(`Token ${project.authtokens[username]}`)).status).to.equal(401)

      const ada = await (await keyturn.administration.users()).show('ada')
      expect(ada).to.deep.include({ id: project.ids['ada'], email: 'ada@example.com', isStaff: true })
      expect(ada.extra).to.deep.equal({ first_name: 'Ada', last_name: 'Lovelace' })
    })
  }

  it('6: API keys are taken over with either hash, and a revoked one stays revoked', async () => {
    await importFrom(source)
    const exchange = async (key: string) =>
      (
        await keyturn.post('/oauth/token', {
          grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
          subject_token_type: 'urn:keyturn:token-type:api-key',
          subject_token: key,
        })
      ).status
    expect(await exchange(project.apiKey)).to.equal(200)
    expect(await exchange(project.newerApiKey)).to.equal(200)
    expect(await exchange(project.revokedApiKey)).to.equal(400)
  })

  it('a dry run says the same and changes nothing; an import can be repeated', async () => {
    const dry = await importFrom(source, '--dry-run')
    expect(dry.body).to.deep.include(COUNTS)
    expect(await (await keyturn.administration.users()).list(10)).to.deep.equal([])
    const report = join(directory, 'report.ndjson')
    const first = await importFrom(source, '--report', report)
    expect(first.body.refused).to.deep.equal(dry.body.refused)
    expect(readFileSync(report, 'utf8').trim().split('\n')).to.have.length(first.body.refused.length)
    const { body } = await importFrom(source)
    expect(body.users).to.deep.equal({ found: 5, added: 0, present: 3, refused: 2 })
    expect(body.authtokens).to.deep.equal({ found: 5, added: 0, present: 3, refused: 2 })
    expect(body.api_keys).to.deep.equal({ found: 3, added: 0, present: 3, refused: 0 })
  })

  it('MD5 hashes come along where that is asked for', async () => {
    const { body } = await importFrom(source, '--allow-legacy-hashes')
    expect(body.users).to.deep.include({ added: 4, refused: 1 })
    expect((await signIn('cyd')).status).to.equal(200)
  })

  it('a user whose address somebody else has comes along without it where that is asked for, again and again', async () => {
    for (const outcome of ['added', 'present'] as const) {
      const { body } = await importFrom(source, '--drop-duplicate-emails')
      expect(body.users).to.deep.include({ [outcome]: 4, refused: 1 })
      expect(body.emails_dropped).to.have.length(outcome === 'added' ? 1 : 0)
    }
    expect((await signIn('eve')).status).to.equal(200)
    const users = await keyturn.administration.users()
    expect((await users.show('eve')).email).to.equal(null)
    expect((await users.show('ada@example.com')).username).to.equal('ada')
  })

  it('42: SIMPLE_JWT sets the lifetimes and the audience of what is issued from then on', async () => {
    const settings = join(directory, 'simple-jwt.json')
    const said = { ACCESS_TOKEN_LIFETIME: '0:07:00', AUDIENCE: 'https://api.example.com', ALGORITHM: 'EdDSA' }
    writeFileSync(settings, JSON.stringify({ ...said, REFRESH_TOKEN_LIFETIME: '1 day, 0:00:00' }))
    const dry = await importFrom(source, '--settings', settings, '--dry-run')
    const clients = await keyturn.administration.clients()
    expect((await clients.show('django')).accessTokenTtlSeconds).to.equal(null)
    const { body } = await importFrom(source, '--settings', settings)
    const outcomes = ({ settings }: { settings: { outcome: string }[] }) =>
      settings.map(({ outcome }) => outcome)
    expect(outcomes(dry.body)).to.deep.equal(['taken', 'taken', 'taken', 'taken'])
    // Only what signs can be chosen, and that is known when it is asked for.
    expect(outcomes(body)).to.deep.equal(['taken', 'taken', 'refused', 'taken'])
    expect(await clients.show('django')).to.deep.include({
      accessTokenTtlSeconds: 420,
      refreshIdleTtlSeconds: 86_400,
      refreshAbsoluteTtlSeconds: 86_400,
      audiences: ['https://api.example.com'],
    })
    const [, payload = ''] = (await signIn('ada')).body.access.split('.')
    const { iat, exp, aud } = JSON.parse(Buffer.from(payload, 'base64url').toString())
    expect([exp - iat, aud]).to.deep.equal([420, 'https://api.example.com'])
  })

  it('neither a key nor a hash is shown, whatever goes wrong', async () => {
    const text = JSON.stringify((await importFrom(source)).body)
    for (const secret of [...Object.values(project.authtokens), 'pbkdf2', 'md5$', 'sha512$'])
      expect(text).not.to.include(secret)
  })

  it('what is no source is refused in words', async () => {
    expect((await importFrom(join(directory, 'none.json'))).body.error).to.equal('file_unreadable')
    expect((await importFrom(fileURLToPath(import.meta.url))).body.error).to.equal('dump_unreadable')
    const wrong = await importFrom(source, '--user-table', 'people')
    expect(wrong.body.error).to.equal('user_table_unknown')
  })
})
