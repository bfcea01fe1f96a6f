import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { runKeyturn, startKeyturn } from '../support/keyturn-process.ts'
import { openPostgres } from '../support/postgres.ts'
import { afterwards } from '../support/root-hooks.ts'
import { until } from '../support/until.ts'

const PROGRAM = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url))
const PASSWORD = 'correct horse battery staple'

describe('keyturn audit', function () {
  this.timeout(90_000)

  let cwd: string
  beforeEach(() => {
    cwd = mkdtempSync(join(tmpdir(), 'keyturn-cli-audit-'))
  })
  afterEach(() => rmSync(cwd, { recursive: true }))

  /** A node that runs, beside the command line that works on its database. */
  async function startNode() {
    const { database, url } = await openPostgres()
    const env = { KEYTURN_DATABASE_URL: url }
    await runKeyturn(['keys', 'init'], { cwd, env })
    const node = await startKeyturn({ cwd, env })
    afterwards(async () => void (await node.stop()))
    const run = (...args: string[]) => runKeyturn(args, { cwd, env, stdin: PASSWORD })
    const chained = () =>
      until(
        async () => (await database.query('select from audit_events where position is null')).length === 0,
      )
    return { database, env, run, chained, node }
  }

  it('tail shows what happened, the latest at the end, to people and to programs', async () => {
    const { run } = await startNode()
    for (const name of ['alice', 'bob']) await run('users', 'create', name, '--password-stdin')
    const { id } = JSON.parse((await run('users', 'show', 'bob', '--json')).stdout)
    await run('users', 'disable', 'bob')

    const lines = (await run('audit', 'tail', '--json', '--limit', '3')).stdout.trim().split('\n')
    const rows = lines.map((line) => JSON.parse(line))
    expect(rows.map(({ event }) => event)).to.deep.equal(['user.created', 'user.created', 'user.disabled'])
    expect(rows[2]).to.include({ actor: 'operator', user_id: id, client_id: null })
    expect(rows[0].details).to.deep.equal({ isSuperuser: false })
    expect(rows[0].at).to.match(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/)

    const events = async (...args: string[]) => {
      const { stdout } = await run('audit', 'tail', '--json', ...args)
      return stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line).event]))
    }
    expect(await events('--user', 'bob')).to.deep.equal(['user.created', 'user.disabled'])
    expect(await events('--user', 'bob', '--event', 'user.disabled')).to.deep.equal(['user.disabled'])
    await run('users', 'delete', 'bob')
    expect(await events('--user', id)).to.deep.equal(['user.created', 'user.disabled', 'user.deleted'])
    expect((await run('audit', 'tail', '--user', 'bob', '--json')).stdout).to.include(
      '"error":"user_unknown"',
    )
    expect((await run('audit', 'tail', '--event', 'no.event')).code).to.equal(2)

    const forPeople = await run('audit', 'tail', '--limit', '2')
    expect(forPeople.stdout)
      .to.match(/^AT +EVENT +ACTOR/)
      .and.to.include('user.deleted')
    expect(forPeople.stdout.trim().split('\n')).to.have.length(3)
  })

  it('tail --follow prints each event once, and ends well at a signal', async () => {
    const { run, env } = await startNode()
    await run('users', 'create', 'alice', '--password-stdin')
    const child = spawn(
      process.execPath,
      [PROGRAM, 'audit', 'tail', '--follow', '--json', '--event', 'user.created'],
      {
        cwd,
        env: { ...process.env, ...env },
      },
    )
    afterwards(async () => void child.kill('SIGKILL'))
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
    const ended = new Promise((resolve) => child.once('close', resolve))
    const seen = () =>
      output
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line).id)
    await until(() => seen().length === 1)
    for (const name of ['bob', 'carol']) await run('users', 'create', name, '--password-stdin')
    await until(() => seen().length >= 3)
    child.kill('SIGTERM')
    expect(await ended).to.equal(0)
    expect(new Set(seen()).size).to.equal(3)
    expect(seen()).to.have.length(3)
  })

  it('verify says that all is well, and what the head is; or what is wrong, and exits 1', async () => {
    const { run, database, chained } = await startNode()
    for (const name of ['alice', 'bob', 'carol']) await run('users', 'create', name, '--password-stdin')
    await chained()
    const intact = await run('audit', 'verify', '--json')
    expect(intact.code).to.equal(0)
    const document = JSON.parse(intact.stdout)
    expect(document).to.include({ is_intact: true, findings_total: 0 })
    expect(document.head).to.match(/^\d+:[0-9a-f]{64}$/)
    expect((await run('audit', 'verify')).stdout).to.include(document.head)
    expect((await run('audit', 'verify', '--expect', document.head)).code).to.equal(0)

    const [, mac] = document.head.split(':')
    const [row] = await database.query<{ position: string }>(
      "update audit_events set actor = 'nobody' where event = 'user.created' and position = (select max(position) - 1 from audit_events) returning position",
    )
    await database.query('delete from audit_events where position = 2')
    const spoilt = await run('audit', 'verify', '--json', '--expect', `99999:${mac}`)
    expect(spoilt.code).to.equal(1)
    expect(JSON.parse(spoilt.stdout)).to.deep.include({ is_intact: false, findings_total: 3 })
    const forPeople = await run('audit', 'verify')
    expect(forPeople.code).to.equal(1)
    expect(forPeople.stdout)
      .to.match(/^FINDING +POSITION +EXPLANATION\nmissing +2 +the row is gone\n/)
      .and.to.match(new RegExp(`^changed +${row?.position} +user.created of `, 'm'))
  })

  it('verify needs the key: without it exit 78, and a head that is none is refused', async () => {
    const { run, env } = await startNode()
    const elsewhere = { ...env, KEYTURN_KEYS_DIR: join(cwd, 'none') }
    expect((await runKeyturn(['audit', 'verify'], { cwd, env: elsewhere })).code).to.equal(78)
    expect((await runKeyturn(['audit', 'tail'], { cwd, env: elsewhere })).code).to.equal(0)
    const refused = await run('audit', 'verify', '--expect', 'nonsense', '--json')
    expect({ code: refused.code, error: JSON.parse(refused.stdout).error }).to.deep.equal({
      code: 1,
      error: 'expected_malformed',
    })
  })

  it('embedded, the running process answers', async () => {
    const node = await startKeyturn({ cwd })
    await until(async () => (await runKeyturn(['audit', 'verify', '--json'], { cwd })).code === 0)
    const { stdout } = await runKeyturn(['audit', 'tail', '--json', '--event', 'signing_key.created'], {
      cwd,
    })
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).event),
    ).to.include('signing_key.created')
    await node.stop()
    expect((await runKeyturn(['audit', 'verify'], { cwd })).code, 'with nobody running').to.equal(0)
  })
})
