import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { runKeyturn } from '../support/keyturn-process.ts'
import { openPostgres } from '../support/postgres.ts'

describe('keyturn keys', () => {
  let directory: string

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'keyturn-cli-keys-'))
  })
  afterEach(() => rmSync(directory, { recursive: true }))

  it('init makes the sealing key, for its owner alone, and touches nothing else', async () => {
    // A database that is not there shows that none is needed.
    const env = {
      KEYTURN_DATABASE_URL: 'postgres://127.0.0.1:1/none',
      KEYTURN_KEYS_DIR: join(directory, 'keys'),
    }
    const { code, stdout } = await runKeyturn(['keys', 'init', '--json'], { cwd: directory, env })
    expect(code).to.equal(0)
    const path = join(directory, 'keys', 'sealing.key')
    const made = JSON.parse(stdout)
    expect(made).to.have.all.keys('path', 'fingerprint')
    expect(made.path).to.equal(path)
    expect(statSync(path).mode & 0o777).to.equal(0o600)
    expect(readdirSync(directory)).to.deep.equal(['keys'])
    expect(stdout).not.to.include(readFileSync(path, 'utf8').trim())
  })

  it('init never overwrites one', async () => {
    await runKeyturn(['keys', 'init'], { cwd: directory })
    const before = readFileSync(join(directory, 'keys', 'sealing.key'), 'utf8')
    const { code, stdout } = await runKeyturn(['keys', 'init', '--json'], { cwd: directory })
    expect({ code, error: JSON.parse(stdout).error }).to.deep.equal({ code: 1, error: 'sealing_key_exists' })
    expect(readFileSync(join(directory, 'keys', 'sealing.key'), 'utf8')).to.equal(before)
  })

  it('K-06 without a sealing key exit 78, with the command that helps', async () => {
    const { url } = await openPostgres()
    const env = { KEYTURN_DATABASE_URL: url }
    const { code, stdout, stderr } = await runKeyturn(['keys', 'rotate', '--json'], { cwd: directory, env })
    expect({ code, error: JSON.parse(stdout).error }).to.deep.equal({
      code: 78,
      error: 'sealing_key_missing',
    })
    expect(stderr).to.include('keyturn keys init')
    const serve = await runKeyturn(['serve'], { cwd: directory, env })
    expect(serve.code).to.equal(78)
    expect(serve.stderr).to.include('keyturn keys init')
  })

  it('an emergency needs no sealing key: who has lost it, or whose KMS is down, sees the keys and revokes', async () => {
    const { url } = await openPostgres()
    const keys = (args: string[], env = {}) =>
      runKeyturn(['keys', ...args, '--json'], { cwd: directory, env: { KEYTURN_DATABASE_URL: url, ...env } })
    await keys(['init'])
    await keys(['rotate'])
    const none = { KEYTURN_SEALING_KEY_COMMAND: 'exit 1' }
    const [active, next] = JSON.parse((await keys(['list'], none)).stdout)
    const revoked = await keys(['revoke', active.kid], none)
    expect({ code: revoked.code, signs: JSON.parse(revoked.stdout).successor.kid }).to.deep.equal({
      code: 0,
      signs: next.kid,
    })
    const again = await keys(['revoke', next.kid], none)
    expect(again.code, 'control: where a key must be made first, it is needed').to.equal(78)
  })

  it('K-02 rotate takes the safe moment, --now is refused before it, and list and plan tell the same', async () => {
    const { url } = await openPostgres()
    const env = { KEYTURN_DATABASE_URL: url }
    const keys = async (...args: string[]) => {
      const { code, stdout } = await runKeyturn(['keys', ...args, '--json'], { cwd: directory, env })
      return { code, document: JSON.parse(stdout) }
    }
    await keys('init')
    expect((await keys('list')).document).to.deep.equal([])

    const rotated = await keys('rotate')
    expect(rotated.code).to.equal(0)
    const [report] = rotated.document
    expect(report).to.have.all.keys(
      ...['outcome', 'algorithm', 'kid', 'activates_at', 'retiring_kid', 'retiring_removes_at'],
    )
    expect(report).to.include({ algorithm: 'RS256' })

    const list = (await keys('list')).document
    expect(list.map(({ phase }: { phase: string }) => phase)).to.deep.equal(['active', 'next'])
    expect(list[1]).to.include({ kid: report.kid, activates_at: report.activates_at })
    expect(list[0].kid).to.equal(report.retiring_kid)

    const early = await keys('rotate', '--now')
    expect({ code: early.code, error: early.document.error }).to.deep.equal({ code: 1, error: 'too_early' })
    expect((await keys('list')).document).to.deep.equal(list)

    const introduced = await keys('rotate', '--algorithm', 'ES256')
    expect(introduced.code).to.equal(0)
    expect(introduced.document).to.have.length(1)
    expect(introduced.document[0]).to.include({
      outcome: 'introduced',
      algorithm: 'ES256',
      retiring_kid: null,
    })
    const unknown = await keys('rotate', '--algorithm', 'none')
    expect({ code: unknown.code, error: unknown.document.error }).to.deep.equal({
      code: 1,
      error: 'algorithm_unknown',
    })

    const plan = (await keys('plan')).document
    expect(plan.map(({ at }: { at: string }) => at)).to.deep.equal(
      plan.map(({ at }: { at: string }) => at).sort(),
    )
    expect(plan).to.deep.include({
      at: report.activates_at,
      event: 'activates',
      kid: report.kid,
      algorithm: 'RS256',
      is_past: false,
    })
    const forPeople = await runKeyturn(['keys', 'plan'], { cwd: directory, env })
    expect(forPeople.stdout)
      .to.match(/^AT +EVENT +KID/)
      .and.to.include('may activate')
  })

  it('import takes a key from stdin, revoke says what it leaves exposed, plan --svg draws both', async () => {
    const { url } = await openPostgres()
    const run = (args: string[], stdin = '') => {
      return runKeyturn(['keys', ...args], { cwd: directory, env: { KEYTURN_DATABASE_URL: url }, stdin })
    }
    await run(['init'])
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const imported = await run(
      ['import', '-', '--json'],
      privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    )
    const { kid, ...rest } = JSON.parse(imported.stdout)
    expect(rest).to.include({ algorithm: 'RS256', phase: 'active' })

    const revoked = await run(['revoke', kid])
    expect(revoked.code).to.equal(0)
    expect(revoked.stdout).to.include(`${kid} (active) is revoked since`).and.to.include('PyJWT')
    const again = JSON.parse((await run(['revoke', kid, '--json'])).stdout)
    expect(again).to.include({ outcome: 'already_revoked', kid })
    expect(again.exposure[0]).to.have.all.keys('verifier', 'trusts_until', 'behind_cache_until', 'remedy')
    // A kid may begin with a dash.
    const unknown = await run(['revoke', '-unknown', '--json'])
    expect([unknown.code, JSON.parse(unknown.stdout).error]).to.deep.equal([1, 'unknown_key'])

    expect((await run(['plan', '--svg', 'plan.svg'])).code).to.equal(0)
    const picture = readFileSync(join(directory, 'plan.svg'), 'utf8')
    expect(picture).to.include(`data-kid="${kid}" data-phase="revoked"`)
  })
})
