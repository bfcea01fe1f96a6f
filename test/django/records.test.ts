import { expect } from 'chai'
import { apiKeyRow, authtokenRow } from '../../src/django/credential-rows.ts'
import { readDjangoModel } from '../../src/django/django-postgres.ts'
import { readDumpdata } from '../../src/django/dumpdata.ts'
import { parseExactly } from '../../src/django/json.ts'
import { readImportedUser } from '../../src/users/imported-user-input.ts'
import { openPostgres } from '../support/postgres.ts'

/** Two ids that are one as a double. */
const [ADMIN, BOB] = ['9007199254740992', '9007199254740993']
const KEY = 'a'.repeat(40)

describe('the records of a Django project', () => {
  it('integers beyond 2^53 keep their digits, and text that looks like one stays text', () => {
    const text = `{"pk": ${BOB}, "small": 12, "text": "${BOB}", "quote": "\\\\\\"${BOB}", "n": -${BOB}, "f": 1234567890123456.5}`
    expect(parseExactly(text)).to.deep.equal({
      ...{ pk: BOB, small: 12, text: BOB, quote: `\\"${BOB}`, n: `-${BOB}`, f: 1234567890123456.5 },
    })
  })

  it('a dump’s large ids are whose they are', () => {
    const dump = `[{"model": "authtoken.token", "pk": "${KEY}", "fields": {"user": ${BOB}, "created": "2026-01-01T00:00:00Z"}}]`
    const [record] = [...readDumpdata(dump)]
    expect(record && authtokenRow(record)).to.include({ userId: BOB })
    expect(readImportedUser({ id: BOB, username: 'bob' }).id).to.equal(BOB)
    expect(() => readImportedUser({ id: 2 ** 53, username: 'bob' })).to.throw('too large for a number')
  })

  it('a database’s large ids are whose they are', async () => {
    const { database } = await openPostgres()
    await database.query('create table auth_user (id bigint primary key, username text)')
    await database.query(
      'create table authtoken_token (key text primary key, user_id bigint, created timestamptz)',
    )
    await database.query('insert into auth_user values ($1, $2), ($3, $4)', [ADMIN, 'admin', BOB, 'bob'])
    await database.query('insert into authtoken_token values ($1, $2, now())', [KEY, BOB])
    const pks: unknown[] = []
    for await (const { pk } of readDjangoModel(database, 'auth.user', 'auth_user')) pks.push(pk)
    expect(pks).to.deep.equal([ADMIN, BOB])
    for await (const record of readDjangoModel(database, 'authtoken.token', 'auth_user'))
      expect(authtokenRow(record)).to.include({ userId: BOB })
  })

  it('a key is taken as revoked or not, and with its end, or not at all', () => {
    const fields = {
      prefix: 'abcdefgh',
      hashed_key: `sha512$$${'0'.repeat(128)}`,
      name: 'ci\u0000 job',
      created: '2026-01-01T00:00:00.123456Z',
      revoked: false,
      expiry_date: '2027-01-01T00:00:00',
    }
    const row = (more: object) => apiKeyRow({ model: 'x', pk: 'x', fields: { ...fields, ...more } })
    expect(row({})).to.include({ name: 'ci job', expiresAt: '2027-01-01T00:00:00.000Z', revokedAt: null })
    expect(row({ revoked: true })).to.include({ revokedAt: '2026-01-01T00:00:00.123Z' })
    for (const odd of [
      { revoked: 'true' },
      { revoked: 1 },
      { revoked: null },
      { expiry_date: '31/12/2020' },
      { expiry_date: 1577836800 },
      { expiry_date: '2020-12-31 00:00:00+00:00' },
      { created: '2024' },
      { created: null },
    ])
      expect(row(odd), JSON.stringify(odd)).to.have.property('problem')
    expect(authtokenRow({ model: 'x', pk: KEY, fields: { user: 1, created: '2024' } })).to.have.property(
      'problem',
    )
  })

  it('an empty file is no dump', () => {
    expect(() => [...readDumpdata(' \n')]).to.throw('the file is empty')
  })
})
