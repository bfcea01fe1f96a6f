import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { lockDirectory } from '../../src/embedded/directory-lock.ts'
import { type KeyturnProcess, runKeyturn, startKeyturn } from '../support/keyturn-process.ts'

describe('commands in embedded mode', () => {
  describe('while the service runs', () => {
    let keyturn: KeyturnProcess

    before(async () => {
      keyturn = await startKeyturn()
    })
    after(() => keyturn.stop())

    async function command(args: readonly string[], stdin?: string) {
      const { code, stdout, stderr } = await runKeyturn([...args, '--json'], {
        cwd: keyturn.directory,
        ...(stdin !== undefined && { stdin }),
      })
      return { code, stderr, document: JSON.parse(stdout) }
    }

    function token(client: { client_id: string; client_secret: string }, fields: Record<string, string>) {
      const basic = Buffer.from(`${client.client_id}:${client.client_secret}`).toString('base64')
      return fetch(`${keyturn.origin}/oauth/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${basic}` },
        body: new URLSearchParams(fields),
      })
    }

    it('reach it: what they make can be used at once', async () => {
      const { document: client } = await command([
        'clients',
        'create',
        '--name',
        'App',
        '--first-party',
        '--grant',
        'password',
        '--grant',
        'client_credentials',
      ])
      expect(client).to.have.all.keys('client_id', 'client_secret')
      expect((await token(client, { grant_type: 'client_credentials' })).status).to.equal(200)

      const created = await command(['users', 'create', 'bob', '--password-stdin'], 'correct horse battery\n')
      expect({ code: created.code, stderr: created.stderr }).to.deep.equal({ code: 0, stderr: '' })
      expect(created.document).to.include({ username: 'bob', is_active: true })
      const signIn = { grant_type: 'password', username: 'bob', password: 'correct horse battery' }
      expect((await token(client, signIn)).status).to.equal(200)

      await command(['users', 'disable', 'bob'])
      expect((await token(client, signIn)).status).to.equal(400)
    })

    it('are refused for the same reasons, with the same codes, as without it', async () => {
      const refused = await command(['users', 'show', 'nobody'])
      expect({ code: refused.code, error: refused.document.error }).to.deep.equal({
        code: 1,
        error: 'user_unknown',
      })
      const early = await command(['keys', 'rotate', '--now'])
      expect({ code: early.code, error: early.document.error }).to.deep.equal({ code: 1, error: 'too_early' })
    })

    it('rotate: the service publishes what the command reports', async () => {
      const { document } = await command(['keys', 'rotate'])
      const published = (await (await fetch(`${keyturn.origin}/.well-known/jwks.json`)).json()) as {
        keys: { kid: string }[]
      }
      expect(published.keys.map(({ kid }) => kid)).to.include(document[0].kid)
    })

    it('migrate says that the start has done so', async () => {
      expect(await command(['migrate'])).to.deep.equal({ code: 0, stderr: '', document: { applied: null } })
    })

    it('serve is refused on the same data, with the process that has it', async () => {
      const env = { KEYTURN_PORT: '0', KEYTURN_METRICS_PORT: '0', KEYTURN_ISSUER: 'http://localhost:7600' }
      const { code, stderr } = await runKeyturn(['serve'], { cwd: keyturn.directory, env })
      expect(code).to.equal(1)
      expect(stderr).to.include(`in use by process ${keyturn.pid}`)
      expect((await fetch(`${keyturn.origin}/readyz`)).status).to.equal(200)
    })
  })

  describe('while it does not run', () => {
    let directory: string

    beforeEach(() => {
      directory = mkdtempSync(join(tmpdir(), 'keyturn-cli-embedded-'))
    })
    afterEach(() => rmSync(directory, { recursive: true }))

    it('open the data themselves, give it back, and the service finds what they made', async () => {
      expect((await runKeyturn(['users', 'create', 'bob'], { cwd: directory })).code).to.equal(0)
      expect((await runKeyturn(['users', 'create', 'carol'], { cwd: directory })).code).to.equal(0)
      const keyturn = await startKeyturn({ cwd: directory, env: { KEYTURN_EMBEDDED: '1' } })
      const { stdout } = await runKeyturn(['users', 'list', '--json'], { cwd: directory })
      expect(JSON.parse(stdout).map(({ username }: { username: string }) => username)).to.deep.equal([
        'bob',
        'carol',
      ])
      expect(await keyturn.stop()).to.equal(0)
      expect((await runKeyturn(['users', 'show', 'bob'], { cwd: directory })).code).to.equal(0)
    })

    it('migrate makes the schema', async () => {
      const { code, stdout } = await runKeyturn(['migrate'], { cwd: directory })
      expect(code).to.equal(0)
      expect(stdout).to.include('up to date')
      expect(readdirSync(join(directory, '.keyturn'))).to.include('postgres')
    })

    it('wait for one another', async () => {
      const names = ['bob', 'carol']
      const create = (name: string) => runKeyturn(['users', 'create', name, '--json'], { cwd: directory })
      const results = await Promise.all(names.map(create))
      expect(
        results.map(({ code, stderr }) => [code, stderr.replace(/^waiting for .* …\n$/, '')]),
      ).to.deep.equal(names.map(() => [0, '']))
      const { stdout } = await runKeyturn(['users', 'list', '--json'], { cwd: directory })
      expect(JSON.parse(stdout)).to.have.length(2)
    })

    it('ask to try again when somebody holds the data for long and does not answer', async () => {
      mkdirSync(join(directory, '.keyturn'), { mode: 0o700 })
      const lock = await lockDirectory(join(directory, '.keyturn'))
      const refused = await runKeyturn(['users', 'list', '--json'], { cwd: directory })
      expect(refused.code).to.equal(1)
      expect(JSON.parse(refused.stdout).error).to.equal('keyturn_busy')
      expect(refused.stderr).to.match(/^waiting for .*\n[\s\S]*Try again in a moment/)
      lock.release()
      expect((await runKeyturn(['users', 'list'], { cwd: directory })).code).to.equal(0)
    })

    it('a password that is set is nowhere in the data directory', async () => {
      const stdin = 'a-password-to-look-for\n'
      await runKeyturn(['users', 'create', 'bob', '--password-stdin'], { cwd: directory, stdin })
      const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) =>
        entry.isFile(),
      )
      expect(files.length).to.be.greaterThan(100)
      const holding = (text: string) => {
        return files.filter((file) => readFileSync(join(file.parentPath, file.name)).includes(text)).length
      }
      expect(holding('a-password-to-look-for')).to.equal(0)
      expect(holding('$argon2id$')).to.be.greaterThan(0)
    })
  })
}).timeout(90_000)
