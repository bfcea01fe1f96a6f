import { createHash, pbkdf2Sync } from 'node:crypto'
import { expect } from 'chai'
import { apiKeyAdministration } from '../../src/api-keys/administration.ts'
import { makeApiKey } from '../../src/api-keys/api-key.ts'
import { buildCredentials, type Credentials } from '../../src/credentials.ts'
import { digestSecret } from '../../src/crypto/secret.ts'
import { startHasher } from '../../src/passwords/hasher.ts'
import type { Database } from '../../src/postgres/database.ts'
import type { Refusal } from '../../src/refusal.ts'
import { sessionsPostgres } from '../../src/sessions/sessions-postgres.ts'
import { usersPostgres } from '../../src/users/users-postgres.ts'
import { TestClock } from '../support/clock.ts'
import { forEachDatabase } from '../support/databases.ts'
import { recordingLogger } from '../support/logger.ts'
import { sharedServer } from '../support/shared-servers.ts'
import { testSealingKey } from '../support/signing-keys.ts'
import { until } from '../support/until.ts'

const ACTOR = 'operator'
const event = { event: 'user.created', actor: ACTOR } as const

const hashing = sharedServer(async () => {
  const hasher = startHasher({ concurrency: 1, clock: new TestClock(), queueLimit: 100 })
  return { hasher, stop: () => hasher.close() }
})

describe('an API key', () => {
  it('has the form of djangorestframework-api-key, and no two are one', () => {
    const keys = Array.from({ length: 200 }, () => makeApiKey())
    for (const { key, prefix } of keys) {
      expect(key).to.match(/^[A-Za-z0-9]{8}\.[A-Za-z0-9]{32}$/)
      expect(key.startsWith(`${prefix}.`)).to.equal(true)
    }
    expect(new Set(keys.map(({ key }) => key)).size).to.equal(200)
  })
})

forEachDatabase((_name, open) => {
  describe('API keys', () => {
    let database: Database
    let clock: TestClock
    let credentials: Credentials
    let administration: ReturnType<typeof apiKeyAdministration>
    let hashes: number

    beforeEach(async () => {
      database = await open()
      clock = new TestClock()
      hashes = 0
      const { hasher } = await hashing()
      const verify: typeof hasher.verify = (...request) => {
        hashes += 1
        return hasher.verify(...request)
      }
      const logger = recordingLogger()
      const counted = { verify }
      credentials = buildCredentials({ database, sealingKey: testSealingKey, hasher: counted, clock, logger })
      const users = usersPostgres(database)
      administration = apiKeyAdministration({
        apiKeys: credentials.apiKeys,
        findUserId: async (name) => (await users.findByIdentifier(name))?.user.id,
        clock,
      })
      const ada = { id: '1', username: 'ada', email: null, passwordHash: null, isStaff: false }
      const joined = { isSuperuser: false, isActive: true, joinedAt: clock.now(), extra: {} }
      await users.add({ ...ada, ...joined }, event)
    })

    async function verdict(key: string): Promise<string> {
      const outcome = await credentials.checkApiKey(key)
      return outcome.outcome === 'valid' ? outcome.apiKey.name : outcome.reason
    }

    it('is right or not by its whole text, and only its digest is stored', async () => {
      const { key } = await administration.create({ name: 'report' }, ACTOR)
      expect(await verdict(key)).to.equal('report')
      const last = key.endsWith('a') ? 'b' : 'a'
      expect(await verdict(key.slice(0, -1) + last)).to.equal('api_key_unknown')
      expect(await verdict(`${key}a`)).to.equal('api_key_unknown')
      for (const wrong of ['', '.', 'abc', `${key}.x`, ` ${key}`, `${key}\0`, `é${key}`])
        expect(await verdict(wrong), wrong).to.equal('api_key_malformed')
      const rows = JSON.stringify(
        await database.query("select *, encode(digest, 'hex') as hex from api_keys"),
      )
      expect(rows).to.include(digestSecret(key).toString('hex'))
      expect(rows).not.to.include(key.split('.')[1])
      expect(hashes).to.equal(0)
    })

    it('ends when it was said to, or when it is revoked, for good', async () => {
      const short = await administration.create({ name: 'short', expiresInSeconds: 60 }, ACTOR)
      const long = await administration.create({ name: 'long' }, ACTOR)
      clock.advance(59_999)
      expect(await verdict(short.key)).to.equal('short')
      clock.advance(1)
      expect(await verdict(short.key)).to.equal('api_key_expired')
      await administration.revoke(long.id, ACTOR)
      expect(await verdict(long.key)).to.equal('api_key_revoked')
      const again = await administration.revoke(long.id, ACTOR).catch((error: Refusal) => error.code)
      expect(again).to.equal('api_key_unknown')
    })

    it('45: a user’s key ends with everything else of the user; one of nobody’s stays', async () => {
      const sessions = sessionsPostgres(database)
      const users = usersPostgres(database)
      const service = await administration.create({ name: 'service' }, ACTOR)
      const endings: (() => Promise<unknown>)[] = [
        () => users.setPassword('1', 'x', clock.now(), { ...event, event: 'user.password_set' }),
        () => sessions.endOfUser('1', { reason: 'signed_out', actor: ACTOR, now: clock.now() }),
      ]
      for (const end of endings) {
        const { key } = await administration.create({ name: 'adas', user: 'ada' }, ACTOR)
        expect(await verdict(key)).to.equal('adas')
        await end()
        expect(await verdict(key)).to.equal('api_key_revoked')
        expect(await verdict(service.key)).to.equal('service')
      }
      await users.setActive('1', false, clock.now(), { ...event, event: 'user.disabled' })
      const refused = await administration
        .create({ name: 'adas', user: 'ada' }, ACTOR)
        .catch((error: Refusal) => error.code)
      expect(refused).to.equal('user_disabled')
    })

    it('an imported key is checked by the hash it came with, once', async () => {
      const keys = { sha512: makeApiKey(), pbkdf2: makeApiKey() }
      const derived = pbkdf2Sync(keys.pbkdf2.key, 'salt', 1000, 32, 'sha256').toString('base64')
      const common = { scopes: [], audiences: [], createdAt: clock.now(), expiresAt: null, revokedAt: null }
      const imported = [
        {
          ...common,
          prefix: keys.sha512.prefix,
          name: 'sha512',
          importedHash: `sha512$$${createHash('sha512').update(keys.sha512.key).digest('hex')}`,
        },
        {
          ...common,
          prefix: keys.pbkdf2.prefix,
          name: 'pbkdf2',
          importedHash: `pbkdf2_sha256$1000$salt$${derived}`,
        },
      ]
      expect(await credentials.apiKeys.addImported(imported, ACTOR)).to.equal(2)
      expect(await credentials.apiKeys.addImported(imported, ACTOR)).to.equal(0)
      for (const [name, { key }] of Object.entries(keys)) {
        expect(await verdict(`${key.slice(0, -1)}${key.endsWith('a') ? 'b' : 'a'}`)).to.equal(
          'api_key_unknown',
        )
        expect(await verdict(key)).to.equal(name)
      }
      const before = hashes
      for (const [name, { key }] of Object.entries(keys)) expect(await verdict(key)).to.equal(name)
      expect(hashes).to.equal(before)
      expect(await database.query('select id from api_keys where imported_hash is not null')).to.deep.equal(
        [],
      )
    })

    it('what has ended costs no slow hash', async () => {
      const { key, prefix } = makeApiKey()
      const row = { prefix, name: 'old', scopes: [], audiences: [], createdAt: clock.now(), expiresAt: null }
      const importedHash = 'pbkdf2_sha256$1000$salt$AAAA'
      await credentials.apiKeys.addImported([{ ...row, importedHash, revokedAt: clock.now() }], ACTOR)
      expect(await verdict(key)).to.equal('api_key_revoked')
      expect(hashes).to.equal(0)
    })

    it('the last use is noted', async () => {
      const { key } = await administration.create({ name: 'report' }, ACTOR)
      await verdict(key)
      await until(async () => (await administration.list(undefined, 10))[0]?.lastUsedAt !== null)
      expect((await administration.list(undefined, 10))[0]?.lastUsedAt).to.deep.equal(clock.now())
    })

    it('what no key may be is refused in words', async () => {
      const codes = await Promise.all(
        [
          { name: '' },
          { name: 'a\nb' },
          { name: 'x', scopes: ['account'] },
          { name: 'x', scopes: ['a b'] },
          { name: 'x', audiences: [''] },
          { name: 'x', accessTokenTtlSeconds: 59 },
          { name: 'x', expiresInSeconds: 0 },
          { name: 'x', user: 'eve' },
        ].map((details) =>
          administration.create(details, ACTOR).then(
            () => 'made',
            (error: Refusal) => error.code,
          ),
        ),
      )
      expect(codes).to.deep.equal([...Array(7).fill('api_key_invalid'), 'user_unknown'])
    })
  })
})
