import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { TestClient } from '../support/app.ts'
import { DJANGO_RESOURCE_SERVER, debianPython } from '../support/debian-python.ts'
import { startExample } from '../support/example-server.ts'
import { afterwards } from '../support/root-hooks.ts'
import { sharedServer } from '../support/shared-servers.ts'
import { until } from '../support/until.ts'
import { AUDIENCE, accessTokenOf, type Issuer, startIssuer } from './issuer.ts'

/** Fetched before the first test, outside its time limit. */
const python = sharedServer(async () => ({
  ...(await debianPython([...DJANGO_RESOURCE_SERVER, 'python3-django-oauth-toolkit'])),
  stop: async () => {},
}))

const WAYS = ['/api/stateless/', '/api/protected/', '/api/introspected/']

describe('the Django project of examples/', () => {
  let issuer: Issuer
  let resourceServer: TestClient
  let origin: string

  before(async () => {
    issuer = await startIssuer()
    resourceServer = await issuer.app.createClient({ grants: [], scopes: [], isFirstParty: false })
    origin = await startProject({})
  })

  /** A project of its own, with a database of its own unless one is given. */
  async function startProject(environment: Record<string, string>): Promise<string> {
    const { program, environment: ofPython } = await python()
    return startExample({
      example: 'django',
      command: program,
      arguments: ['-m', 'project.serve'],
      environment: {
        ...ofPython,
        ISSUER: issuer.url,
        AUDIENCE,
        DATABASE: newDatabase(),
        CLIENT_ID: resourceServer.id,
        CLIENT_SECRET: resourceServer.secret ?? '',
        CACHING_SECONDS: '1',
        ...environment,
      },
    })
  }

  async function ask(path: string, token: string, at = origin) {
    const answer = await fetch(at + path, { headers: { authorization: `Bearer ${token}` } })
    return {
      status: answer.status,
      body: (await answer.json()) as { message?: string; user?: number; code?: string },
    }
  }

  for (const path of WAYS) {
    it(`16: ${path} lets in who has a token, and knows the name`, async () => {
      const { status, body } = await ask(path, await issuer.aliceToken())
      expect(status).to.equal(200)
      expect(body.message).to.equal('Hello, alice! Your token is valid.')
    })

    it(`${path} refuses who has none, a token with another signature, and one for somebody else`, async () => {
      const token = await issuer.aliceToken()
      const other = await issuer.app.createClient({ audiences: ['https://other.example.com'] })
      const foreign = accessTokenOf((await issuer.app.signIn(other, 'alice')).body)
      expect((await fetch(origin + path)).status).to.equal(401)
      expect((await ask(path, `${token.slice(0, -8)}AAAAAAAA`)).status).to.equal(401)
      expect((await ask(path, foreign)).status).to.equal(401)
    })
  }

  it('a stateful user is one row, whatever name it has at Keyturn by now, and at however many visits', async () => {
    const { id } = await issuer.app.createUser('carol')
    const token = accessTokenOf((await issuer.app.signIn(issuer.client, 'carol')).body)
    const answers = await Promise.all(Array.from({ length: 4 }, () => ask('/api/protected/', token)))
    // SQLite refuses whoever writes at the same time; nobody gets a row of their own by that.
    const rows = new Set(answers.filter(({ status }) => status === 200).map(({ body }) => body.user))
    expect(rows).to.have.property('size', 1)

    const renamed = await (await issuer.genuine()).signed({
      claims: { user_id: id, sub: id, username: 'caroline' },
    })
    expect((await ask('/api/protected/', renamed)).body.user).to.equal([...rows][0])
  })

  it('an imported user is the row whose primary key the user always had, where the import was from here', async () => {
    const DATABASE = newDatabase()
    const genuine = await issuer.genuine()
    const visit = async (at: string, id: string, username: string) =>
      ask('/api/protected/', await genuine.signed({ claims: { user_id: id, sub: id, username } }), at)

    const moved = await startProject({ DATABASE, IMPORTED_FROM_HERE: '1' })
    // Somebody whom the project knows from before: introspection makes a row by username, here the first.
    await issuer.app.createUser('dave')
    const introspected = accessTokenOf((await issuer.app.signIn(issuer.client, 'dave')).body)
    expect((await ask('/api/introspected/', introspected, moved)).body.user).to.equal(1)

    expect((await visit(moved, '1', 'dave')).body).to.include({
      user: 1,
      message: 'Hello, dave! Your token is valid.',
    })
    expect((await visit(moved, '2', 'eve')).body).to.include({ code: 'user_not_found' })
    // A new user of the same name is not the old one.
    const stranger = '00000000-0000-4000-8000-000000000001'
    expect((await visit(moved, stranger, 'dave')).body).to.include({ code: 'user_not_connected' })
    expect((await visit(moved, stranger, 'frank')).body.user).to.equal(2)
    // Control: where the import was from elsewhere, a number says nothing about the rows here.
    const elsewhere = await startProject({ DATABASE })
    expect((await visit(elsewhere, '1', 'dave')).body).to.include({ code: 'user_not_connected' })
  })

  it('a client that acts for itself is no user of the project', async () => {
    const form = { grant_type: 'client_credentials' }
    const token = accessTokenOf((await issuer.app.post('/oauth/token', form, issuer.client)).body)
    expect((await ask('/api/protected/', token)).status).to.equal(401)
    expect((await ask('/api/stateless/', token)).status).to.equal(401)
  })

  it('only introspection notices that a session has ended, as soon as the last answer is not kept any more', async () => {
    const { access_token: token, refresh_token: refreshToken } = (
      await issuer.app.signIn(issuer.client, 'alice')
    ).body
    for (const path of WAYS) expect((await ask(path, token)).status).to.equal(200)
    await issuer.app.post('/oauth/revoke', { token: refreshToken }, issuer.client)
    await until(async () => (await ask('/api/introspected/', token)).status === 401)
    // Control: what verifies alone goes on until the token has expired.
    expect((await ask('/api/protected/', token)).status).to.equal(200)
  })

  it('introspection answers by scope', async () => {
    const signIn = async (scope: string) =>
      accessTokenOf((await issuer.app.signIn(issuer.client, 'alice', { scope })).body)
    expect((await ask('/api/introspected/', await signIn('read'))).status).to.equal(200)
    expect((await ask('/api/introspected/', await signIn('write'))).status).to.equal(403)
  })
})

/** A file that is not there yet, removed after the test. */
function newDatabase(): string {
  const directory = mkdtempSync(join(tmpdir(), 'keyturn-django-'))
  afterwards(async () => rmSync(directory, { recursive: true, force: true }))
  return join(directory, 'db.sqlite3')
}
