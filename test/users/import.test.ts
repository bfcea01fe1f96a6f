import { expect } from 'chai'
import type { Database } from '../../src/postgres/database.ts'
import { importUsers, type RowReport } from '../../src/users/import.ts'
import type { Users } from '../../src/users/users.ts'
import { usersPostgres } from '../../src/users/users-postgres.ts'
import { AT_DJANGOS_SETTINGS, LEGACY } from '../passwords/django-vectors.ts'
import { TestClock } from '../support/clock.ts'
import { openPostgres } from '../support/postgres.ts'

const HASH = AT_DJANGOS_SETTINGS[0]?.stored ?? ''
const MD5 = LEGACY[0]?.stored.slice('legacy$'.length) ?? ''

describe('importing users', () => {
  let database: Database
  let users: Users
  beforeEach(async () => {
    database = (await openPostgres()).database
    users = usersPostgres(database)
  })

  async function take(fields: Record<string, unknown>, isLegacyAllowed = false): Promise<RowReport> {
    const parts = { users, clock: new TestClock() }
    const [report] = await importUsers(parts, [{ line: 2, fields }], { isLegacyAllowed }, 'operator')
    if (!report) throw new Error('no report')
    return report
  }

  /** What a row came to, in one word. */
  async function outcome(fields: Record<string, unknown>, isLegacyAllowed = false): Promise<string> {
    const report = await take(fields, isLegacyAllowed)
    return report.outcome === 'refused' ? report.error : report.outcome
  }

  it('takes everything over as it is, and audits it without the hash', async () => {
    const fields = {
      id: 42,
      username: 'Alice',
      email: 'alice@example.com',
      password_hash: HASH,
      is_active: false,
      is_staff: 't',
      is_superuser: '0',
      joined_at: '2019-03-04 05:06:07.891234+01',
      extra: { plan: 'gold' },
    }
    expect(await take(fields)).to.deep.equal({ line: 2, username: 'Alice', outcome: 'added' })
    const found = await users.findByIdentifier('alice')
    expect(found).to.deep.equal({
      passwordHash: HASH,
      passwordChangedAt: null,
      awaitsEmail: false,
      emailVerifiedAt: null,
      user: {
        id: '42',
        username: 'Alice',
        email: 'alice@example.com',
        isActive: false,
        isStaff: true,
        isSuperuser: false,
        joinedAt: new Date('2019-03-04T04:06:07.891Z'),
        lastLoginAt: null,
        extra: { plan: 'gold' },
      },
    })
    const events = await database.query('select event, actor, user_id, details from audit_events')
    expect(events).to.deep.equal([
      {
        event: 'user.imported',
        actor: 'operator',
        user_id: '42',
        details: { isSuperuser: false, hasPassword: true },
      },
    ])
  })

  it('needs a username only: blank cells say nothing, and an id is made', async () => {
    expect(
      await outcome({ username: 'bob', email: '', password_hash: null, is_active: '', id: '' }),
    ).to.equal('added')
    const found = await users.findByIdentifier('bob')
    expect(found?.passwordHash).to.equal(null)
    expect(found?.user).to.include({ email: null, isActive: true, isStaff: false, isSuperuser: false })
    expect(found?.user.id).to.match(/^[0-9a-f]{8}-/)
  })

  it('can be repeated: whoever is there already stays as they are, and is not audited again', async () => {
    const fields = { id: '7', username: 'carol', email: 'carol@example.com', password_hash: HASH }
    expect(await outcome(fields)).to.equal('added')
    await database.query("update users set password_hash = 'newer'")
    expect(await outcome({ ...fields, username: 'CAROL', is_superuser: true })).to.equal('present')
    const found = await users.findByIdentifier('carol')
    expect(found?.passwordHash).to.equal('newer')
    expect(found?.user).to.include({ username: 'carol', isSuperuser: false })
    expect(await database.query('select 1 from audit_events')).to.have.length(1)
  })

  it('takes no name silently that belongs to somebody else, whichever kind of name it is', async () => {
    expect(await outcome({ id: 1, username: 'dave', email: 'dave@example.com' })).to.equal('added')
    const cases: [fields: Record<string, unknown>, error: string][] = [
      [{ id: 2, username: 'Dave', email: 'dave@example.com' }, 'username_taken'],
      [{ username: 'dave' }, 'username_taken'],
      [{ username: 'dave', email: 'other@example.com' }, 'username_taken'],
      [{ username: 'erin', email: 'DAVE@example.com' }, 'username_taken'],
      [{ username: 'dave@example.com' }, 'username_taken'],
      [{ id: 1, username: 'erin', email: 'erin@example.com' }, 'id_taken'],
    ]
    for (const [fields, error] of cases) expect(await outcome(fields), JSON.stringify(fields)).to.equal(error)
    expect(await take({ username: 'erin', email: 'dave@example.com' })).to.include({
      message: '"dave@example.com" belongs to user "dave" (1) already',
    })
    expect(await users.list(10)).to.have.length(1)
    expect(await database.query('select 1 from user_identifiers')).to.have.length(2)
    expect(await outcome({ username: 'erin', email: 'erin@example.com' }), 'the control').to.equal('added')
  })

  it('takes MD5 and SHA-1 over only where that is asked for, and with its mark', async () => {
    expect(await outcome({ username: 'frank', password_hash: MD5 })).to.equal('hash_legacy')
    expect(await users.findByIdentifier('frank')).to.equal(undefined)
    expect(await outcome({ username: 'frank', password_hash: MD5 }, true)).to.equal('added')
    expect((await users.findByIdentifier('frank'))?.passwordHash).to.equal(`legacy$${MD5}`)
  })

  const REFUSED: Readonly<Record<string, [fields: Record<string, unknown>, error: string]>> = {
    'no username': [{}, 'row_invalid'],
    'a blank username': [{ username: '' }, 'username_invalid'],
    'a username that is a number': [{ username: 12 }, 'row_invalid'],
    'a username with a space': [{ username: 'a b' }, 'username_invalid'],
    'a username of look-alike letters': [{ username: 'раypal' }, 'username_mixed'],
    'no e-mail address': [{ username: 'a', email: 'nonsense' }, 'email_invalid'],
    'a password in clear': [{ username: 'a', password_hash: 'correct horse' }, 'hash_unusable'],
    'a hash that asks for a terabyte': [
      { username: 'a', password_hash: HASH.replace('260000', '99999999') },
      'hash_unusable',
    ],
    'a hash with NUL': [{ username: 'a', password_hash: HASH.replace('$AA', '$\0') }, 'row_invalid'],
    'an unknown column': [{ username: 'a', is_admin: true }, 'row_invalid'],
    'a flag that is none': [{ username: 'a', is_active: 'maybe' }, 'row_invalid'],
    'an id of no kind': [{ username: 'a', id: 'seven' }, 'row_invalid'],
    'a negative id': [{ username: 'a', id: -1 }, 'row_invalid'],
    'a broken id': [{ username: 'a', id: 1.5 }, 'row_invalid'],
    'a time without its offset': [{ username: 'a', joined_at: '2019-03-04 05:06:07' }, 'row_invalid'],
    'a day that does not exist': [{ username: 'a', joined_at: '2019-13-04T05:06:07Z' }, 'row_invalid'],
    'extra that is no object': [{ username: 'a', extra: [1] }, 'row_invalid'],
    'extra that PostgreSQL cannot hold': [{ username: 'a', extra: { a: '\0' } }, 'row_invalid'],
    'half a character': [{ username: 'a', extra: { a: '\ud800' } }, 'row_invalid'],
  }
  for (const [name, [fields, error]] of Object.entries(REFUSED)) {
    it(`refuses ${name}, and adds nobody`, async () => {
      expect(await outcome(fields, true)).to.equal(error)
      expect(await users.list(1)).to.deep.equal([])
    })
  }
})
