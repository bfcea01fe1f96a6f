import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { KEYTURN_PROGRAM, runKeyturn } from '../support/keyturn-process.ts'
import { openPostgres } from '../support/postgres.ts'

describe('keyturn keys init --add, keys reseal', () => {
  let directory: string
  let env: Record<string, string>
  let database: Awaited<ReturnType<typeof openPostgres>>['database']

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'keyturn-cli-sealing-'))
    const opened = await openPostgres()
    database = opened.database
    env = { KEYTURN_DATABASE_URL: opened.url }
  })
  afterEach(() => rmSync(directory, { recursive: true }))

  const path = () => join(directory, 'keys', 'sealing.key')
  async function keys(...args: string[]) {
    const { code, stdout, stderr } = await runKeyturn(['keys', ...args, '--json'], { cwd: directory, env })
    return { code, stderr, document: JSON.parse(stdout) }
  }
  const sealedWith = async () =>
    (await database.query<{ name: string }>('select sealed_with as name from signing_keys')).map(
      ({ name }) => name,
    )

  it('change the key that seals everything; the old line may go afterwards, and not before', async () => {
    const { fingerprint: old } = (await keys('init')).document
    await keys('rotate')
    const added = await keys('init', '--add')
    expect(added.document).to.include({ path: path() })
    expect(added.document.earlier_fingerprints).to.deep.equal([old])
    const { fingerprint } = added.document
    const both = readFileSync(path(), 'utf8')
    expect(JSON.stringify(added)).not.to.include(both.split('\n')[0])
    const [first, second] = both.trim().split('\n')

    writeFileSync(path(), `${first}\n`)
    expect(await keys('rotate'), 'control: without the old line').to.deep.include({ code: 78 })
    writeFileSync(path(), both)
    const resealed = await keys('reseal')
    expect(resealed.code).to.equal(0)
    expect(resealed.document).to.include({ outcome: 'resealed', fingerprint })
    expect(resealed.document.idle_lines).to.deep.equal([old])
    expect(new Set(await sealedWith())).to.deep.equal(new Set([fingerprint]))

    writeFileSync(path(), `${first}\n`)
    expect((await keys('reseal')).document).to.deep.include({ outcome: 'already_sealed', idle_lines: [] })
    writeFileSync(path(), `${second}\n`)
    const wrong = await keys('reseal')
    expect({ code: wrong.code, error: wrong.document.error }).to.deep.equal({
      code: 78,
      error: 'sealing_key_wrong',
    })
    expect(wrong.stderr).to.include(fingerprint)
  })

  it('killed in the middle it leaves everything as it was, and is done when it is run again', async () => {
    const { fingerprint: old } = (await keys('init')).document
    await keys('rotate')
    const { fingerprint } = (await keys('init', '--add')).document
    // The command waits for the last row, with all others resealed and nothing committed.
    await database.transaction(async (transaction) => {
      await transaction.query(
        'select from signing_keys where kid = (select max(kid collate "C") from signing_keys) for update',
      )
      const child = spawn(process.execPath, [KEYTURN_PROGRAM, 'keys', 'reseal'], {
        cwd: directory,
        env: { PATH: process.env['PATH'], ...env },
        stdio: 'ignore',
      })
      const ended = new Promise((resolve) => child.once('exit', (_code, signal) => resolve(signal)))
      for (;;) {
        const waiting = await database.query(
          `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
        )
        if (waiting.length > 0) break
        expect(child.exitCode, 'it must wait').to.equal(null)
      }
      child.kill('SIGKILL')
      expect(await ended).to.equal('SIGKILL')
    })
    expect(new Set(await sealedWith())).to.deep.equal(new Set([old]))
    expect((await keys('reseal')).document).to.include({ outcome: 'resealed', fingerprint })
    expect(new Set(await sealedWith())).to.deep.equal(new Set([fingerprint]))
  })

  it('work with a command, which is read instead of a file', async () => {
    await keys('init')
    await keys('rotate')
    const lines = join(directory, 'lines')
    writeFileSync(lines, readFileSync(path()))
    rmSync(path())
    env = { ...env, KEYTURN_SEALING_KEY_COMMAND: `cat ${lines}` }
    expect((await keys('list')).code).to.equal(0)
    for (const args of [['init'], ['init', '--add']]) {
      const refused = await keys(...args)
      expect({ code: refused.code, error: refused.document.error }).to.deep.equal({
        code: 1,
        error: 'sealing_key_from_command',
      })
    }
    writeFileSync(lines, `${'A'.repeat(42)}E\n${readFileSync(lines, 'utf8')}`)
    expect((await keys('reseal')).document).to.include({ outcome: 'resealed' })
  })

  it('K-06 a command that fails, or prints another key, ends the start with 78 and the reason', async () => {
    await keys('init')
    await keys('rotate')
    const reasons = {
      'echo permission denied >&2; exit 1': 'permission denied',
      'echo hello': '32 bytes in base64url',
      [`echo ${'A'.repeat(42)}E`]: 'opens none of the keys',
    }
    for (const [command, reason] of Object.entries(reasons)) {
      const { code, stderr } = await runKeyturn(['serve'], {
        cwd: directory,
        env: { ...env, KEYTURN_SEALING_KEY_COMMAND: command },
      })
      expect({ command, code }).to.deep.equal({ command, code: 78 })
      expect(stderr).to.include(reason)
    }
  })
})
