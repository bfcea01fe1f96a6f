import { expect } from 'chai'
import { passwordHashing } from '../../src/passwords/password-hash.ts'
import { runKeyturn } from '../support/keyturn-process.ts'
import { type OpenPostgres, openPostgres } from '../support/postgres.ts'

describe('keyturn users', () => {
  let postgres: OpenPostgres

  beforeEach(async () => {
    postgres = await openPostgres()
  })

  function keyturn(args: readonly string[], stdin?: string) {
    const env = { KEYTURN_DATABASE_URL: postgres.url }
    return runKeyturn(args, { env, ...(stdin !== undefined && { stdin }) })
  }

  async function hashOf(username: string): Promise<string | null | undefined> {
    const rows = await postgres.database.query<{ password_hash: string | null }>(
      'select password_hash from users where username = $1',
      [username],
    )
    return rows[0]?.password_hash
  }

  it('create makes a user and prints it; the password comes from stdin', async () => {
    const args = ['users', 'create', 'alice', '--email', 'alice@example.com', '--password-stdin', '--json']
    const { code, stdout, stderr } = await keyturn(args, 'correct horse battery\n')
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' })
    const user = JSON.parse(stdout)
    expect(Object.keys(user)).to.deep.equal([
      'id',
      'username',
      'email',
      'is_active',
      'is_staff',
      'is_superuser',
      'joined_at',
      'last_login_at',
      'extra',
    ])
    expect(user).to.include({
      username: 'alice',
      email: 'alice@example.com',
      is_active: true,
      is_staff: false,
    })
    expect(await hashOf('alice')).to.match(/^argon2\$argon2id\$|^\$argon2id\$/)
    expect(JSON.stringify(user)).not.to.match(/argon2|password/)
  })

  it('create without a password makes a user who cannot sign in, and says so', async () => {
    const { code, stdout } = await keyturn(['users', 'create', 'bob'])
    expect(code).to.equal(0)
    expect(stdout).to.include('keyturn users set-password bob')
    expect(await hashOf('bob')).to.equal(null)
  })

  it('create --superuser is staff too, --staff alone is no superuser', async () => {
    const root = JSON.parse((await keyturn(['users', 'create', 'root', '--superuser', '--json'])).stdout)
    expect(root).to.include({ is_superuser: true, is_staff: true })
    const clerk = JSON.parse((await keyturn(['users', 'create', 'clerk', '--staff', '--json'])).stdout)
    expect(clerk).to.include({ is_superuser: false, is_staff: true })
  })

  it('a refusal exits 1 with its code, and changes nothing', async () => {
    await keyturn(['users', 'create', 'alice', '--email', 'alice@example.com'])
    const cases = [
      [['users', 'create', 'ALICE'], undefined, 'username_taken'],
      [['users', 'create', 'alice@example.com'], undefined, 'username_taken'],
      [['users', 'create', 'not a name'], undefined, 'username_invalid'],
      [['users', 'create', 'carol', '--email', 'nonsense'], undefined, 'email_invalid'],
      [['users', 'create', 'carol', '--password-stdin'], 'short\n', 'password_too_short'],
      [['users', 'show', 'nobody'], undefined, 'user_unknown'],
    ] as const
    const outcomes = await Promise.all(cases.map(([args, stdin]) => keyturn([...args, '--json'], stdin)))
    for (const [index, [args, , error]] of cases.entries()) {
      const { code, stdout, stderr } = outcomes[index] ?? expect.fail()
      expect(code, args.join(' ')).to.equal(1)
      const document = JSON.parse(stdout)
      expect(document).to.have.all.keys('error', 'message')
      expect(document.error).to.equal(error)
      expect(stderr).to.equal(`${document.message}\n`)
    }
    expect(await postgres.database.query('select username from users')).to.deep.equal([{ username: 'alice' }])
  })

  it('people get a refusal on stderr, and nothing on stdout', async () => {
    const { code, stdout, stderr } = await keyturn(['users', 'show', 'nobody'])
    expect({ code, stdout }).to.deep.equal({ code: 1, stdout: '' })
    expect(stderr).to.equal('there is no user "nobody": see keyturn users list\n')
  })

  it('set-password takes the password from stdin as it is, less one line break', async () => {
    await keyturn(['users', 'create', 'alice'])
    const { code } = await keyturn(['users', 'set-password', 'alice', '--password-stdin'], ' pä$$ w"örd \n\n')
    expect(code).to.equal(0)
    const stored = (await hashOf('alice')) ?? ''
    expect((await passwordHashing().verify(' pä$$ w"örd \n', stored)).outcome).to.equal('match')
    expect((await passwordHashing().verify(' pä$$ w"örd ', stored)).outcome).to.equal('mismatch')
  })

  for (const [what, stdin] of [
    ['nothing', ''],
    ['far too much', 'x'.repeat(70_000)],
  ] as const) {
    it(`set-password exits 2 when there is ${what} on stdin`, async () => {
      const { code, stderr } = await keyturn(['users', 'set-password', 'alice', '--password-stdin'], stdin)
      expect(code).to.equal(2)
      expect(stderr).to.include('stdin')
    })
  }

  it('list turns pages in order of username', async () => {
    await Promise.all(['carol', 'alice', 'bob'].map((name) => keyturn(['users', 'create', name])))
    const names = async (...args: string[]) => {
      const { stdout } = await keyturn(['users', 'list', '--json', ...args])
      return JSON.parse(stdout).map(({ username }: { username: string }) => username)
    }
    expect(await names()).to.deep.equal(['alice', 'bob', 'carol'])
    expect(await names('--limit', '2')).to.deep.equal(['alice', 'bob'])
    expect(await names('--after', 'bob')).to.deep.equal(['carol'])
    const { stdout } = await keyturn(['users', 'list', '--limit', '2'])
    expect(stdout).to.include('keyturn users list --after bob')
    expect(stdout.split('\n')[0]).to.match(/^USERNAME +EMAIL +ACTIVE/)
  })

  it('disable, enable and delete do what they say, by username or address', async () => {
    await keyturn(['users', 'create', 'alice', '--email', 'alice@example.com'])
    const disabled = await keyturn(['users', 'disable', 'alice@example.com', '--json'])
    expect(JSON.parse(disabled.stdout)).to.include({ username: 'alice', is_active: false })
    expect(JSON.parse((await keyturn(['users', 'show', 'ALICE', '--json'])).stdout)).to.include({
      is_active: false,
    })
    expect(JSON.parse((await keyturn(['users', 'enable', 'alice', '--json'])).stdout)).to.include({
      is_active: true,
    })
    expect((await keyturn(['users', 'delete', 'alice'])).code).to.equal(0)
    expect((await keyturn(['users', 'show', 'alice'])).code).to.equal(1)
  })

  it('verify-email counts an address as verified; without one there is nothing to count', async () => {
    await keyturn(['users', 'create', 'alice', '--email', 'alice@example.com'])
    await keyturn(['users', 'create', 'bob'])
    await postgres.database.query('update users set awaits_email = true')
    expect((await keyturn(['users', 'verify-email', 'alice'])).code).to.equal(0)
    expect((await keyturn(['users', 'verify-email', 'bob'])).code).to.equal(1)
    const rows = await postgres.database.query(
      'select username, awaits_email, email_verified_at is not null as verified from users order by username',
    )
    expect(rows).to.deep.equal([
      { username: 'alice', awaits_email: false, verified: true },
      { username: 'bob', awaits_email: true, verified: false },
    ])
  })

  it('everything it changes is audited, with the operator as actor', async () => {
    await keyturn(['users', 'create', 'alice'])
    await keyturn(['users', 'disable', 'alice'])
    const rows = await postgres.database.query<{ event: string; actor: string }>(
      'select event, actor from audit_events order by id',
    )
    expect(rows.map(({ event, actor }) => `${event} ${actor}`)).to.deep.equal([
      'user.created operator',
      'user.disabled operator',
    ])
  })

  it('25: createsuperuser --noinput takes what Django takes, and can be asked twice', async () => {
    const env = {
      KEYTURN_DATABASE_URL: postgres.url,
      DJANGO_SUPERUSER_USERNAME: 'root',
      DJANGO_SUPERUSER_EMAIL: 'root@example.com',
      DJANGO_SUPERUSER_PASSWORD: 'correct horse battery',
    }
    const first = await runKeyturn(['createsuperuser', '--noinput', '--json'], { env })
    expect(first.code).to.equal(0)
    expect(JSON.parse(first.stdout)).to.include({
      username: 'root',
      email: 'root@example.com',
      is_staff: true,
      is_superuser: true,
    })
    expect(await hashOf('root')).to.be.a('string')
    const second = await runKeyturn(['createsuperuser', '--noinput', '--json'], { env })
    expect({ code: second.code, error: JSON.parse(second.stdout).error }).to.deep.equal({
      code: 1,
      error: 'username_taken',
    })
  })

  it('createsuperuser: a flag goes before the environment, and no password means none', async () => {
    const env = {
      KEYTURN_DATABASE_URL: postgres.url,
      DJANGO_SUPERUSER_USERNAME: 'root',
      DJANGO_SUPERUSER_EMAIL: '',
    }
    const { code, stdout } = await runKeyturn(['createsuperuser', '--no-input', '--username', 'chief'], {
      env,
    })
    expect(code).to.equal(0)
    expect(stdout).to.include('superuser chief').and.to.include('keyturn users set-password chief')
    expect(await hashOf('chief')).to.equal(null)
  })
})
