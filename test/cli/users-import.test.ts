import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { passwordHashing } from '../../src/passwords/password-hash.ts'
import { AT_DJANGOS_SETTINGS, LEGACY } from '../passwords/django-vectors.ts'
import { runKeyturn, startKeyturn } from '../support/keyturn-process.ts'
import { openPostgres } from '../support/postgres.ts'

const [VECTOR] = AT_DJANGOS_SETTINGS
const MD5 = LEGACY[0]?.stored.slice('legacy$'.length)
const CSV = `username,email,password_hash,is_active
alice,alice@example.com,${VECTOR?.stored},t
bob,,,f
"carol","Carol@example.com",${MD5},
`

describe('keyturn users import', () => {
  async function start() {
    const { url, database } = await openPostgres()
    const keyturn = (args: readonly string[], stdin: string) =>
      runKeyturn(['users', 'import', ...args], { env: { KEYTURN_DATABASE_URL: url }, stdin })
    const names = async () =>
      (await database.query<{ username: string }>('select username from users order by 1')).map(
        ({ username }) => username,
      )
    return { keyturn, names, database }
  }

  it('reports what became of each row, exits 1 where one was refused, and can be repeated', async () => {
    const { keyturn, names } = await start()
    const first = await keyturn(['-', '--json'], CSV)
    expect({ code: first.code, stderr: first.stderr }).to.deep.equal({ code: 1, stderr: '' })
    expect(JSON.parse(first.stdout)).to.deep.equal({
      added: 2,
      present: 0,
      refused: 1,
      rows: [
        { line: 2, username: 'alice', outcome: 'added' },
        { line: 3, username: 'bob', outcome: 'added' },
        {
          line: 4,
          username: 'carol',
          outcome: 'refused',
          error: 'hash_legacy',
          message: 'MD5 and SHA-1 hashes are taken over with --allow-legacy-hashes only',
        },
      ],
    })
    expect(await names()).to.deep.equal(['alice', 'bob'])
    const second = await keyturn(['-', '--allow-legacy-hashes'], CSV)
    expect(second).to.include({
      code: 0,
      stdout: '1 added, 2 there already and left as they are, 0 refused.\n',
    })
    expect(await names()).to.deep.equal(['alice', 'bob', 'carol'])
  })

  it('lists for people which rows were refused and why, and shows no hash', async () => {
    const { keyturn } = await start()
    const lines = `{"username":"alice"}\n\n{"username":"ALICE"}\n{"username":"bob","email":"alice"}\n{"username":"x","password_hash":"hunter2"}\n`
    const { code, stdout } = await keyturn(['-'], lines)
    expect(code).to.equal(1)
    expect(stdout).to.match(
      /^1 added, 0 there already and left as they are, 3 refused\.\nLINE +USERNAME +ERROR/,
    )
    expect(stdout).to.match(/^3 +ALICE +username_repeated +line 1 has this username, too$/m)
    expect(stdout).to.match(/^4 +bob +email_invalid/m)
    expect(stdout).to.match(/^5 +x +hash_unusable/m)
    expect(stdout).to.not.include('hunter2')
  })

  const BROKEN: Readonly<Record<string, [text: string, says: string]>> = {
    'an unknown column': ['username,password\nalice,x\n', 'line 1'],
    'no username': ['email\nalice@example.com\n', 'line 1'],
    'a column named twice': ['username,username\nalice,alice\n', 'line 1'],
    'a row with too many cells': ['username\nalice\nbob,\n', 'line 3'],
    'a quote without end': ['username\nalice\n"bob\n', 'line 3'],
    'a line that is no JSON': ['{"username":"alice"}\n{"username":\n', 'line 2'],
    'a line that is no object': ['{"username":"alice"}\n[]\n', 'line 2'],
    nothing: ['', 'empty'],
  }
  it('a file with a hole in it changes nothing: exit status 2, and it says where', async () => {
    const { keyturn, names } = await start()
    const outcomes = await Promise.all(
      Object.entries(BROKEN).map(async ([name, [text, says]]) => ({
        name,
        says,
        ...(await keyturn(['-'], text)),
      })),
    )
    for (const { name, says, code, stderr } of outcomes) {
      expect(code, name).to.equal(2)
      expect(stderr, name).to.include(says)
    }
    expect(await names()).to.deep.equal([])
  })

  it('takes more users than one message holds, in the order of the file', async () => {
    const { keyturn, names } = await start()
    const numbers = Array.from({ length: 501 }, (_, n) => String(n).padStart(3, '0'))
    const { code, stdout } = await keyturn(
      ['-', '--json'],
      `username\n${numbers.map((n) => `user${n}`).join('\n')}`,
    )
    expect(code).to.equal(0)
    const report = JSON.parse(stdout)
    expect(report).to.include({ added: 501, present: 0, refused: 0 })
    expect(report.rows.map(({ line }: { line: number }) => line)).to.deep.equal(numbers.map((_, n) => n + 2))
    expect(await names()).to.deep.equal(numbers.map((n) => `user${n}`))
  })

  it('reaches the running service in embedded mode, from a file: whoever it brings signs in', async () => {
    const keyturn = await startKeyturn()
    const path = join(keyturn.directory, 'users.csv')
    // The service has made a demo user alice.
    writeFileSync(path, `\uFEFF${CSV.replaceAll('alice', 'zoe')}`)
    const run = (args: readonly string[]) => runKeyturn([...args, '--json'], { cwd: keyturn.directory })
    expect(JSON.parse((await run(['users', 'import', path])).stdout)).to.include({ added: 2, refused: 1 })
    const client = JSON.parse(
      (await run(['clients', 'create', '--name', 'App', '--public', '--first-party', '--grant', 'password']))
        .stdout,
    )
    const answer = await fetch(`${keyturn.origin}/oauth/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'password',
        client_id: client.client_id,
        username: 'zoe',
        password: VECTOR?.password ?? '',
      }),
    })
    expect(answer.status).to.equal(200)
    const missing = await run(['users', 'import', `${path}.missing`])
    expect(missing.code).to.equal(1)
    expect(JSON.parse(missing.stdout)).to.include({ error: 'file_unreadable' })
  })

  it('the hash that it stores is one that the password fits', async () => {
    const { keyturn, database } = await start()
    await keyturn(['-'], CSV)
    const [row] = await database.query<{ password_hash: string }>(
      "select password_hash from users where username = 'alice'",
    )
    const { verify } = passwordHashing()
    expect(await verify(VECTOR?.password ?? '', row?.password_hash)).to.have.property('outcome', 'match')
  })
})
