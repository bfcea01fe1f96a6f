import { expect } from 'chai'
import { authtokenAdministration } from '../../src/authtokens/administration.ts'
import { buildCredentials, type Credentials } from '../../src/credentials.ts'
import { digestSecret } from '../../src/crypto/secret.ts'
import { symmetricKeysOnDemand } from '../../src/keys/symmetric-keys-on-demand.ts'
import { symmetricKeysPostgres } from '../../src/keys/symmetric-keys-postgres.ts'
import type { Database } from '../../src/postgres/database.ts'
import { Refusal } from '../../src/refusal.ts'
import { sessionsPostgres } from '../../src/sessions/sessions-postgres.ts'
import { usersPostgres } from '../../src/users/users-postgres.ts'
import { TestClock } from '../support/clock.ts'
import { forEachDatabase } from '../support/databases.ts'
import { recordingLogger } from '../support/logger.ts'
import { testSealingKey } from '../support/signing-keys.ts'
import { until } from '../support/until.ts'

const ACTOR = 'operator'
const NOW = new Date('2026-01-01T00:00:00Z')
/** No authtoken is checked by a slow hash. */
const hasher = { verify: () => Promise.reject(new Error('a hash')) }
const event = { event: 'user.created', actor: ACTOR } as const

forEachDatabase((_name, open) => {
  describe('authtokens', () => {
    let database: Database
    let clock: TestClock
    let credentials: Credentials
    let administration: ReturnType<typeof authtokenAdministration>

    beforeEach(async () => {
      database = await open()
      clock = new TestClock()
      credentials = node()
      const users = usersPostgres(database)
      administration = authtokenAdministration({
        authtokens: credentials.authtokens,
        keys: symmetricKeysOnDemand('authtoken', async () =>
          symmetricKeysPostgres({ database, sealingKey: testSealingKey }),
        ),
        findUserId: async (name) => (await users.findByIdentifier(name))?.user.id,
        clock,
      })
      await addUser('1', 'ada')
    })

    function node(): Credentials {
      return buildCredentials({
        database,
        sealingKey: testSealingKey,
        hasher,
        clock,
        logger: recordingLogger(),
      })
    }

    async function addUser(id: string, username: string): Promise<void> {
      const user = { id, username, email: null, passwordHash: null, isStaff: false, isSuperuser: false }
      await usersPostgres(database).add({ ...user, isActive: true, joinedAt: NOW, extra: {} }, event)
    }

    async function shown(userId = '1'): Promise<string> {
      const key = await credentials.showDefaultAuthtoken(userId, `user:${userId}`)
      if (key === undefined) throw new Error('no key')
      return key
    }

    async function verdict(key: string): Promise<string> {
      const outcome = await credentials.checkAuthtoken(key)
      return outcome.outcome === 'valid' ? outcome.authtoken.username : outcome.reason
    }

    it('every login on every node shows the same key, and only its digest is stored', async () => {
      const key = await shown()
      expect(key).to.match(/^[0-9a-f]{40}$/)
      expect(await node().showDefaultAuthtoken('1', ACTOR)).to.equal(key)
      expect(await verdict(key)).to.equal('ada')
      const rows = JSON.stringify(
        await database.query('select *, encode(digest, $1) as hex from authtokens', ['hex']),
      )
      expect(rows).to.include(digestSecret(key).toString('hex'))
      expect(rows).not.to.include(key)
    })

    it('logins at the same moment show one key and leave one row', async () => {
      const keys = await Promise.all(Array.from({ length: 8 }, () => node().showDefaultAuthtoken('1', ACTOR)))
      expect(new Set(keys).size).to.equal(1)
      expect(await database.query('select id from authtokens')).to.have.length(1)
    })

    it('users have different keys', async () => {
      await addUser('2', 'bob')
      expect(await shown('2')).not.to.equal(await shown('1'))
    })

    const endings: [what: string, end: () => Promise<unknown>][] = [
      [
        'a new password',
        () => usersPostgres(database).setPassword('1', 'x', NOW, { ...event, event: 'user.password_set' }),
      ],
      [
        'logging out everywhere',
        () => sessionsPostgres(database).endOfUser('1', { reason: 'signed_out', actor: ACTOR, now: NOW }),
      ],
      [
        'disabling and enabling',
        async () => {
          const users = usersPostgres(database)
          await users.setActive('1', false, NOW, { ...event, event: 'user.disabled' })
          await users.setActive('1', true, NOW, { ...event, event: 'user.enabled' })
        },
      ],
    ]
    for (const [what, end] of endings) {
      it(`${what} ends every key of the user, and of nobody else`, async () => {
        await addUser('2', 'bob')
        const [old, bobs] = [await shown(), await shown('2')]
        const { key: named } = await administration.createNamed('ada', { name: 'ci' }, ACTOR)
        await credentials.authtokens.addImported(
          [{ userId: '1', digest: digestSecret('f'.repeat(40)), createdAt: NOW }],
          ACTOR,
        )
        for (const key of [old, named, 'f'.repeat(40)]) expect(await verdict(key)).to.equal('ada')
        await end()
        for (const key of [old, named, 'f'.repeat(40)]) expect(await verdict(key)).to.match(/ended|unknown/)
        expect(await verdict(bobs)).to.equal('bob')
        const next = await shown()
        expect(next).not.to.equal(old)
        expect(await verdict(next)).to.equal('ada')
        expect(await verdict(old)).to.match(/ended|unknown/)
      })
    }

    const bring = (key: string) =>
      credentials.authtokens.addImported([{ userId: '1', digest: digestSecret(key), createdAt: NOW }], ACTOR)

    for (const [what, end] of endings) {
      it(`an import that is repeated after ${what} brings nothing back, nor what it had left out`, async () => {
        const [known, late] = ['e'.repeat(40), 'f'.repeat(40)]
        await bring(known)
        expect(await verdict(known)).to.equal('ada')
        for (let times = 1; times <= 2; times++) {
          await end()
          await bring(known)
          await bring(late)
          for (const key of [known, late]) expect(await verdict(key), `${times}`).to.match(/ended|unknown/)
        }
      })
    }

    it('an import that is repeated does not bring back a key that was revoked', async () => {
      const key = 'e'.repeat(40)
      await bring(key)
      const [token] = await administration.list('ada', 10)
      await administration.revoke(token?.id ?? '', ACTOR)
      expect(await administration.list('ada', 10)).to.deep.equal([])
      await bring(key)
      expect(await verdict(key)).not.to.equal('ada')
      await administration.createNamed('ada', { name: 'other' }, ACTOR)
      await bring(key)
      expect(await verdict(key)).not.to.equal('ada')
    })

    it('of a disabled user it is said so, and no key is shown', async () => {
      const key = await shown()
      await usersPostgres(database).setActive('1', false, NOW, { ...event, event: 'user.disabled' })
      expect(await verdict(key)).to.equal('user_disabled')
      expect(await credentials.showDefaultAuthtoken('1', ACTOR)).to.equal(undefined)
    })

    it('a login with a password that was changed meanwhile shows no key', async () => {
      await usersPostgres(database).setPassword('1', 'x', NOW, { ...event, event: 'user.password_set' })
      const show = credentials.showDefaultAuthtoken
      expect(await show('1', ACTOR, { passwordChangedAt: null })).to.equal(undefined)
      expect(await show('1', ACTOR, { passwordChangedAt: NOW })).to.match(/^[0-9a-f]{40}$/)
    })

    it('revoking the default key gives the next login another and leaves the named ones', async () => {
      const old = await shown()
      const { key: named } = await administration.createNamed('ada', { name: 'ci' }, ACTOR)
      const tokens = await administration.list('ada', 10)
      const id = tokens.find(({ kind }) => kind === 'default')?.id ?? ''
      await administration.revoke(id, ACTOR)
      expect(await verdict(old)).to.equal('authtoken_unknown')
      expect(await verdict(named)).to.equal('ada')
      expect(await verdict(await shown())).to.equal('ada')
      expect(await shown()).not.to.equal(old)
    })

    it('a named key expires when it was said to', async () => {
      const { key } = await administration.createNamed('ada', { name: 'ci', expiresInSeconds: 60 }, ACTOR)
      clock.advance(59_999)
      expect(await verdict(key)).to.equal('ada')
      clock.advance(1)
      expect(await verdict(key)).to.equal('authtoken_expired')
    })

    it('a name is taken once, and unknown things are refused in words', async () => {
      await administration.createNamed('ada', { name: 'ci' }, ACTOR)
      const refusals = await Promise.all(
        [
          administration.createNamed('ada', { name: 'ci' }, ACTOR),
          administration.createNamed('eve', { name: 'ci' }, ACTOR),
          administration.revoke('at_none', ACTOR),
        ].map((work) =>
          work.then(
            () => 'done',
            (error) => (error instanceof Refusal ? error.code : error),
          ),
        ),
      )
      expect(refusals).to.deep.equal(['authtoken_exists', 'user_unknown', 'authtoken_unknown'])
    })

    it('those who lack a key get theirs once', async () => {
      await addUser('2', 'bob')
      await addUser('3', 'cyd')
      await shown()
      const first = await administration.createMissing(1, undefined, ACTOR)
      const second = await administration.createMissing(10, first.next, ACTOR)
      expect([...first.created, ...second.created].map(({ username }) => username)).to.deep.equal([
        'bob',
        'cyd',
      ])
      expect(await verdict(first.created[0]?.key ?? '')).to.equal('bob')
      expect((await administration.createMissing(10, undefined, ACTOR)).created).to.deep.equal([])
    })

    it('garbage costs one query at most, and what cannot be a key none', async () => {
      let queries = 0
      const counting: Database = {
        ...database,
        query: (sql, values) => {
          queries++
          return database.query(sql, values)
        },
      }
      const { checkAuthtoken } = buildCredentials({
        database: counting,
        sealingKey: testSealingKey,
        hasher,
        clock,
        logger: recordingLogger(),
      })
      expect(await checkAuthtoken('0'.repeat(40))).to.include({ reason: 'authtoken_unknown' })
      expect(queries).to.equal(1)
      for (const key of ['', 'short', `${'0'.repeat(39)}\0`, 'é'.repeat(40), '0'.repeat(129)])
        expect(await checkAuthtoken(key)).to.include({ reason: 'authtoken_malformed' })
      expect(queries).to.equal(1)
    })

    it('the last use is noted, at most once a minute', async () => {
      const key = await shown()
      const used = async () =>
        (
          await database.query<{ last_used_at: Date | null }>('select last_used_at from authtokens')
        )[0]?.last_used_at?.getTime()
      const start = clock.now().getTime()
      await verdict(key)
      await until(async () => (await used()) === start)
      clock.advance(59_000)
      await verdict(key)
      clock.advance(1000)
      await verdict(key)
      await until(async () => (await used()) === start + 60_000)
      expect(await used()).to.equal(start + 60_000)
    })
  })
})
