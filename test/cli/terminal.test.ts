import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { passwordHashing } from '../../src/passwords/password-hash.ts'
import { runKeyturn } from '../support/keyturn-process.ts'
import { type OpenPostgres, openPostgres } from '../support/postgres.ts'
import { afterwards } from '../support/root-hooks.ts'

const PROGRAM = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url))
const PASSWORD = 'correct horse battery'
const CTRL_C = '\u0003'
const CTRL_D = '\u0004'

describe('at a terminal', () => {
  let postgres: OpenPostgres

  beforeEach(async () => {
    postgres = await openPostgres()
  })

  /** Runs a command at a terminal (util-linux `script`) and types each answer once its question is there. */
  async function talk(command: string, answers: readonly (readonly [question: string, answer: string])[]) {
    const env = { PATH: process.env['PATH'], KEYTURN_DATABASE_URL: postgres.url, TERM: 'dumb' }
    const line = `'${process.execPath}' '${PROGRAM}' ${command}`
    const child = spawn('script', ['--quiet', '--return', '--flush', '--command', line, '/dev/null'], { env })
    afterwards(async () => void child.kill('SIGKILL'))
    const waiting = [...answers]
    let screen = ''
    let read = 0
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      screen += text
      const [question, answer] = waiting[0] ?? []
      if (question === undefined || answer === undefined || !screen.slice(read).includes(question)) return
      waiting.shift()
      read = screen.length
      child.stdin.write(answer.length === 1 && answer < ' ' ? answer : `${answer}\r`)
    })
    const [code] = await once(child, 'close')
    expect(waiting).to.deep.equal([])
    return { code, screen }
  }

  async function users() {
    return postgres.database.query<{ username: string; email: string | null; password_hash: string | null }>(
      'select username, email, password_hash, is_superuser from users',
    )
  }

  it('users create asks for the password twice, and does not show it', async () => {
    const { code, screen } = await talk('users create bob', [
      ['Password: ', PASSWORD],
      ['Password (again): ', PASSWORD],
    ])
    expect(code, screen).to.equal(0)
    expect(screen).to.include('Created user bob').and.not.to.include('horse')
    const [bob] = await users()
    expect((await passwordHashing().verify(PASSWORD, bob?.password_hash ?? '')).outcome).to.equal('match')
  })

  it('two different answers are refused', async () => {
    const { code, screen } = await talk('users create bob', [
      ['Password: ', PASSWORD],
      ['Password (again): ', 'something else'],
    ])
    expect(code).to.equal(1)
    expect(screen).to.include('not the same')
    expect(await users()).to.deep.equal([])
  })

  it('--password-stdin asks too, and set-password wants an answer', async () => {
    await runKeyturn(['users', 'create', 'bob'], { env: { KEYTURN_DATABASE_URL: postgres.url } })
    const blank = await talk('users set-password bob --password-stdin', [
      ['Password: ', ''],
      ['Password (again): ', ''],
    ])
    expect(blank.code).to.equal(2)
    const { code } = await talk('users set-password bob --password-stdin', [
      ['Password: ', PASSWORD],
      ['Password (again): ', PASSWORD],
    ])
    expect(code).to.equal(0)
    expect((await users())[0]?.password_hash).to.be.a('string')
  })

  it('createsuperuser asks as Django does', async () => {
    const { code, screen } = await talk('createsuperuser', [
      ['Username: ', 'root'],
      ['Email address: ', 'root@example.com'],
      ['Password: ', PASSWORD],
      ['Password (again): ', PASSWORD],
    ])
    expect(code, screen).to.equal(0)
    expect(screen).to.include('root@example.com').and.not.to.include('horse')
    expect((await users())[0]).to.include({ username: 'root', email: 'root@example.com', is_superuser: true })
  })

  for (const [name, key] of [
    ['Ctrl-C', CTRL_C],
    ['Ctrl-D', CTRL_D],
  ] as const) {
    it(`${name} changes nothing`, async () => {
      const { code, screen } = await talk('createsuperuser', [
        ['Username: ', 'root'],
        ['Email address: ', key],
      ])
      expect(code).to.equal(1)
      expect(screen).to.include('cancelled')
      expect(await users()).to.deep.equal([])
    })
  }
})
