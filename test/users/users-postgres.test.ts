import { randomBytes, randomUUID } from 'node:crypto'
import { expect } from 'chai'
import type { Database } from '../../src/postgres/database.ts'
import { refreshFamiliesPostgres } from '../../src/tokens/refresh-families-postgres.ts'
import type { NewUser } from '../../src/users/users.ts'
import { usersPostgres } from '../../src/users/users-postgres.ts'
import { forEachDatabase } from '../support/databases.ts'
import { beginFamily, reread, sessionOf } from '../tokens/refresh-families.contract.ts'

const NOW = new Date('2026-01-01T00:00:00Z')

function newUser(username: string, email: string | null = null, changes: Partial<NewUser> = {}): NewUser {
  return {
    id: randomUUID(),
    username,
    email,
    passwordHash: null,
    isActive: true,
    isStaff: false,
    isSuperuser: false,
    joinedAt: NOW,
    extra: {},
    ...changes,
  }
}

forEachDatabase((_name, open) => {
  describe('users', () => {
    let database: Database
    let users: ReturnType<typeof usersPostgres>

    beforeEach(async () => {
      database = await open()
      users = usersPostgres(database)
    })

    const add = (user: NewUser) =>
      users.add(user, { event: 'user.created', actor: 'operator', userId: user.id })
    const find = async (identifier: string) => (await users.findByIdentifier(identifier))?.user.username
    const event = (name: 'user.password_set' | 'user.disabled' | 'user.enabled' | 'user.deleted') => ({
      event: name,
      actor: 'operator',
    })
    const count = async (table: string) => {
      const [row] = await database.query<{ count: string }>(`select count(*) from ${table}`)
      return Number(row?.count)
    }

    it('one is read back as it was made', async () => {
      const user = newUser('Alice', 'Alice@Example.com', {
        id: '42',
        passwordHash: '$argon2id$stored',
        isStaff: true,
        isSuperuser: true,
        extra: { team: "O'Brien", nested: { list: [1, null, '"'] } },
      })
      expect(await add(user)).to.equal(true)
      const { passwordHash, ...rest } = user
      expect(await users.findByIdentifier('alice')).to.deep.equal({
        user: { ...rest, lastLoginAt: null },
        passwordHash,
        passwordChangedAt: null,
        awaitsEmail: false,
        emailVerifiedAt: null,
      })
    })

    it('S-109 is found by name and address, in any spelling of their normal form', async () => {
      await add(newUser('Straße', 'İvan@Example.com'))
      for (const name of [
        'straße',
        'STRASSE',
        'STRA\u1e9eE',
        'ivan@example.com',
        'ＩＶＡＮ@example.com',
        'ıvan@EXAMPLE.com',
      ]) {
        expect(await find(name), name).to.equal('Straße')
      }
      for (const name of ['strase', 'strass_', 'strass%', '%', 'ivan', '', "' or true --"]) {
        expect(await find(name), name).to.equal(undefined)
      }
    })

    const collisions: [what: string, one: NewUser, other: NewUser][] = [
      ['the same username', newUser('alice'), newUser('alice')],
      ['a twin of a username', newUser('alice'), newUser('ＡLICE')],
      ['the same address', newUser('alice', 'a@example.com'), newUser('bob', 'A@example.com')],
      ["a username that is another's address", newUser('alice', 'a@example.com'), newUser('A@Example.com')],
      ["an address that is another's username", newUser('a@example.com'), newUser('bob', 'a@EXAMPLE.com')],
    ]
    for (const [what, one, other] of collisions) {
      it(`S-109 ${what} is refused, and nothing of the attempt stays`, async () => {
        expect(await add({ ...one, id: randomUUID() })).to.equal(true)
        expect(await add({ ...other, id: randomUUID() })).to.equal(false)
        expect([await count('users'), await count('audit_events')]).to.deep.equal([1, 1])
        expect(await count('user_identifiers')).to.equal(one.email === null ? 1 : 2)
      })
    }

    it('S-109 of 16 who want the same name at once, one gets it', async () => {
      const wanted = Array.from({ length: 16 }, (_, n) =>
        newUser(n % 2 ? 'alice' : 'ALICE', n % 3 ? null : 'bob'),
      )
      const added = await Promise.all(wanted.map(add))
      expect(added.filter(Boolean)).to.have.length(1)
      expect(await count('users')).to.equal(1)
    })

    it('two who want each the name and the address of the other do not stop one another', async () => {
      const added = await Promise.all([add(newUser('alice', 'bob')), add(newUser('bob', 'alice'))])
      expect(added.filter(Boolean)).to.have.length(1)
    })

    it('the username may be the address, and addresses may be missing for many', async () => {
      expect(await add(newUser('a@example.com', 'a@example.com'))).to.equal(true)
      expect(await add(newUser('bob'))).to.equal(true)
      expect(await add(newUser('carol'))).to.equal(true)
      expect(await count('user_identifiers')).to.equal(3)
    })

    it('a blank address cannot be stored', async () => {
      expect(await add(newUser('alice', '')).catch((error) => error.message)).to.match(/check constraint/)
    })

    it('S-053 no user can have an id that a client could have', async () => {
      for (const id of ['client_one', 'alice', '-1', '1.5', '', randomUUID().toUpperCase(), 'a'.repeat(36)]) {
        const added = add({ ...newUser('alice'), id })
        expect(await added.catch((error) => error.message), id).to.match(/check constraint/)
      }
    })

    it('are listed in order of username, page by page', async () => {
      for (const name of ['carol', 'alice', 'bob']) await add(newUser(name))
      const names = async (limit: number, after?: string) =>
        (await users.list(limit, after)).map((user) => user.username)
      expect(await names(2)).to.deep.equal(['alice', 'bob'])
      expect(await names(2, 'bob')).to.deep.equal(['carol'])
      expect(await names(9, "zz' or true --")).to.deep.equal([])
    })

    const ends: [what: string, reason: string, change: (id: string) => Promise<boolean>][] = [
      [
        'a new password',
        'password_changed',
        (id) => users.setPassword(id, 'new', NOW, event('user.password_set')),
      ],
      ['disabling', 'user_disabled', (id) => users.setActive(id, false, NOW, event('user.disabled'))],
    ]
    for (const [what, reason, change] of ends) {
      it(`S-114 ${what} ends every session of the user and every family under it, and nobody else's`, async () => {
        const families = refreshFamiliesPostgres(database)
        const [family, other] = [await beginFamily(database, families), await beginFamily(database, families)]
        expect(await change(family.userId)).to.equal(true)
        expect((await reread(database, family)).endedAt).to.deep.equal(NOW)
        expect((await reread(database, other)).endedAt).to.equal(null)
        const ended = await database.query<{ id: string; end_reason: string }>(
          'select id, end_reason from sessions where ended_at is not null',
        )
        expect(ended).to.deep.equal([{ id: family.sessionId, end_reason: reason }])
      })
    }

    it('enabling lets the user back in and revives nothing', async () => {
      const families = refreshFamiliesPostgres(database)
      const family = await beginFamily(database, families)
      await users.setActive(family.userId, false, NOW, event('user.disabled'))
      await users.setActive(family.userId, true, NOW, event('user.enabled'))
      const again = { ...family, id: randomBytes(16), sessionId: randomUUID() }
      expect(await families.begin(sessionOf(again))).to.equal(true)
      expect((await reread(database, family)).endedAt).not.to.equal(null)
    })

    it('removing takes everything that was theirs, leaves the audit rows, and frees the names', async () => {
      const user = newUser('alice', 'a@example.com')
      await add(user)
      const family = await beginFamily(database, refreshFamiliesPostgres(database))
      expect(await users.remove(user.id, event('user.deleted'))).to.equal(true)
      expect(await users.remove(family.userId, event('user.deleted'))).to.equal(true)
      for (const table of ['users', 'user_identifiers', 'sessions', 'refresh_families']) {
        expect(await count(table), table).to.equal(0)
      }
      expect(await count('audit_events'), 'two removals, an addition, a login').to.equal(4)
      expect(await add(newUser('A@example.com', 'alice'))).to.equal(true)
    })

    it('what is done to nobody is not done, and leaves no audit row', async () => {
      const id = randomUUID()
      const done = [
        await users.setPassword(id, 'x', NOW, event('user.password_set')),
        await users.setActive(id, false, NOW, event('user.disabled')),
        await users.remove(id, event('user.deleted')),
      ]
      expect(done).to.deep.equal([false, false, false])
      expect(await count('audit_events')).to.equal(0)
    })

    it('S-110 a login replaces the hash it was checked against, and no newer one', async () => {
      const user = newUser('alice', null, { passwordHash: 'old' })
      await add(user)
      const stored = async () => (await users.findByIdentifier('alice'))?.passwordHash
      const lastLoginAt = async () => (await users.findByIdentifier('alice'))?.user.lastLoginAt
      await users.noteLogin(user.id, NOW)
      expect([await stored(), await lastLoginAt()]).to.deep.equal(['old', NOW])
      await users.noteLogin(user.id, NOW, { from: 'old', to: 'better' })
      expect(await stored()).to.equal('better')
      await users.setPassword(user.id, 'changed', NOW, event('user.password_set'))
      await users.noteLogin(user.id, NOW, { from: 'better', to: 'late' })
      expect(await stored()).to.equal('changed')
    })

    it('S-210 text that means something to SQL or to patterns is text', async () => {
      const names = ["Robert'); drop table users;--", '\\', '$1', '%', '_', '"', '{}', '🦄'.repeat(20)]
      for (const name of names) expect(await add(newUser(name, `${name}@x`)), name).to.equal(true)
      for (const name of names) expect(await find(name), name).to.equal(name)
      expect(await count('users')).to.equal(names.length)
    })
  })
})
