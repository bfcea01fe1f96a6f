import { expect } from 'chai'
import { clientAdministration } from '../../src/clients/administration.ts'
import { authenticateClient } from '../../src/clients/authentication.ts'
import { clientsPostgres } from '../../src/clients/clients-postgres.ts'
import { OAuthError } from '../../src/oauth/errors.ts'
import type { Database } from '../../src/postgres/database.ts'
import { Refusal } from '../../src/refusal.ts'
import { readPresentedPostgres } from '../../src/tokens/presented-postgres.ts'
import type { RefreshFamily } from '../../src/tokens/refresh-families.ts'
import { refreshFamiliesPostgres } from '../../src/tokens/refresh-families-postgres.ts'
import { failureOf } from '../keys/fixtures.ts'
import { TestClock } from '../support/clock.ts'
import { forEachDatabase } from '../support/databases.ts'
import { beginFamily, CLIENT } from '../tokens/refresh-families.contract.ts'
import { exampleClient, storedSecret } from './fixtures.ts'

const HOUR = 3600_000
const event = { event: 'client.created', actor: 'operator' } as const

forEachDatabase((_name, open) => {
  describe('clients', () => {
    let database: Database
    let clock: TestClock
    let administration: ReturnType<typeof clientAdministration>

    beforeEach(async () => {
      database = await open()
      clock = new TestClock()
      const requireSigning = async (algorithm: string) => {
        if (algorithm !== 'ES256') throw new Refusal('algorithm_unknown', algorithm)
      }
      administration = clientAdministration({ clients: clientsPostgres(database), requireSigning, clock })
    })

    /** Whether a secret is accepted now, as a token request would find out. */
    async function accepts(clientId: string, secret: string): Promise<boolean> {
      const { client } = await readPresentedPostgres(database, clock)(clientId)
      try {
        authenticateClient({ clientId, secret, method: 'client_secret_basic' }, client)
        return true
      } catch (error) {
        if (error instanceof OAuthError) return false
        throw error
      }
    }

    async function confidential() {
      const { client, secret } = await administration.create({ name: 'app' }, 'operator')
      if (secret === undefined) throw new Error('a confidential client has a secret')
      return { id: client.id, secret }
    }

    /** Whether a family has ended, as a request that presents it finds out. */
    async function hasEnded({ id, clientId }: RefreshFamily): Promise<boolean | undefined> {
      return (await readPresentedPostgres(database, clock)(clientId, id)).family?.sessionEnded
    }

    const rotate = async (id: string) =>
      (await administration.rotateSecret(id, 'operator', { endsEarlier: true })).secret

    const audited = async () =>
      (await database.query<{ event: string }>('select event from audit_events order by id')).map(
        (row) => row.event,
      )

    it('a client is read back as it was made', async () => {
      const client = exampleClient({
        isFirstParty: true,
        grants: ['password', 'refresh_token'],
        scopes: ['read', "it's,{}"],
        audiences: ['https://api.example.com', 'urn:ünï'],
        redirectUris: ['https://app.example.com/cb?x=1'],
        accessTokenAlg: 'ES256',
        accessTokenTtlSeconds: 60,
        latePolicy: 'revoke',
      })
      const clients = clientsPostgres(database)
      expect(await clients.add(client, undefined, event)).to.equal(true)
      expect(await clients.find('client_one')).to.deep.equal(client)
      expect(await clients.find('client_two')).to.equal(undefined)
    })

    it('a client has the algorithm that was said, where one of its keys signs; else there is no client', async () => {
      const { client } = await administration.create({ name: 'app', accessTokenAlg: 'ES256' }, 'operator')
      expect(client.accessTokenAlg).to.equal('ES256')
      const refused = administration.create({ name: 'app', accessTokenAlg: 'none' }, 'operator')
      expect(await failureOf(refused)).to.include({ code: 'algorithm_unknown' })
      expect(await administration.list(10)).to.deep.equal([client])
    })

    it('an id that is taken is not given again, and nothing is recorded of the attempt', async () => {
      const clients = clientsPostgres(database)
      await clients.add(exampleClient(), undefined, event)
      expect(await clients.add(exampleClient({ name: 'Other' }), storedNew('x'), event)).to.equal(false)
      expect((await clients.find('client_one'))?.name).to.equal('Example')
      expect(await audited()).to.deep.equal(['client.created'])
      expect(await database.query('select from client_secrets')).to.have.length(0)
    })

    it('S-053 no client can have an id that a user could have', async () => {
      for (const id of [
        '42',
        '6f1c8a3e-0000-4000-8000-000000000000',
        'Client_one',
        'a-b',
        'ab',
        `c${'x'.repeat(64)}`,
      ]) {
        const added = clientsPostgres(database).add({ ...exampleClient(), id }, undefined, event)
        expect(await added.catch((error) => error.message), id).to.match(/check constraint/)
      }
    })

    it('are listed in order of id, page by page', async () => {
      const clients = clientsPostgres(database)
      for (const id of ['client_c', 'client_a', 'client_b']) {
        await clients.add({ ...exampleClient(), id }, undefined, event)
      }
      const ids = async (limit: number, after?: string) =>
        (await clients.list(limit, after)).map(({ id }) => id)
      expect(await ids(2)).to.deep.equal(['client_a', 'client_b'])
      expect(await ids(2, 'client_b')).to.deep.equal(['client_c'])
      expect(await ids(2, 'client_c')).to.deep.equal([])
      expect(await ids(2, "zz' or true --")).to.deep.equal([])
    })

    it('S-058 of a secret only its digest is stored', async () => {
      const { secret } = await confidential()
      const [row] = await database.query<{ row: string }>(
        'select client_secrets::text as row from client_secrets',
      )
      expect(row?.row).not.to.include(secret)
      expect(row?.row).to.include(Buffer.from(storedSecret(secret).digest).toString('hex'))
    })

    it('S-040 two secrets overlap for a day, then the old one ends', async () => {
      const { id, secret: old } = await confidential()
      const next = await rotate(id)
      expect([await accepts(id, old), await accepts(id, next)]).to.deep.equal([true, true])
      clock.advance(24 * HOUR - 1000)
      expect([await accepts(id, old), await accepts(id, next)]).to.deep.equal([true, true])
      clock.advance(1000)
      expect([await accepts(id, old), await accepts(id, next)]).to.deep.equal([false, true])
    })

    it('S-040 a rotation that is run twice cuts nobody off: while one is pending another is refused', async () => {
      const { id, secret: old } = await confidential()
      const { secret: next, earlierEndsAt } = await administration.rotateSecret(id, 'operator')
      clock.advance(23 * HOUR)
      const refused = await administration.rotateSecret(id, 'operator').catch((error: Error) => error)
      expect(refused).to.include({ code: 'secret_rotation_pending' })
      expect((refused as Error).message).to.include(earlierEndsAt.toISOString())
      expect([await accepts(id, old), await accepts(id, next)]).to.deep.equal([true, true])
      clock.advance(HOUR)
      const { secret: third } = await administration.rotateSecret(id, 'operator')
      const accepted = await Promise.all([old, next, third].map((one) => accepts(id, one)))
      expect(accepted).to.deep.equal([false, true, true])
    })

    it('S-040 where it is asked for, a third secret ends the oldest at once, within one millisecond too', async () => {
      const { id, secret } = await confidential()
      const made = [secret]
      for (let round = 0; round < 4; round++) {
        made.push(await rotate(id))
        const accepted = await Promise.all(made.map((one) => accepts(id, one)))
        expect(accepted).to.deep.equal(made.map((_, index) => index >= made.length - 2))
      }
    })

    it('S-040 rotating again does not prolong what is ending', async () => {
      const { id, secret: first } = await confidential()
      const second = await rotate(id)
      clock.advance(HOUR)
      const third = await rotate(id)
      clock.advance(24 * HOUR)
      const accepted = await Promise.all([first, second, third].map((one) => accepts(id, one)))
      expect(accepted).to.deep.equal([false, false, true])
    })

    it('S-040 of many rotations at the same time the last two secrets work', async () => {
      const { id, secret } = await confidential()
      const made = await Promise.all(Array.from({ length: 8 }, () => rotate(id)))
      const accepted = await Promise.all([secret, ...made].map((one) => accepts(id, one)))
      expect(accepted.filter(Boolean)).to.have.length(2)
    })

    it("a client's secret is no other client's", async () => {
      const [one, other] = [await confidential(), await confidential()]
      expect(await accepts(one.id, other.secret)).to.equal(false)
      expect(await accepts(other.id, other.secret), 'control').to.equal(true)
    })

    it('S-039 disabling refuses the client and ends every family it holds, for good', async () => {
      const { id, secret } = await confidential()
      const families = refreshFamiliesPostgres(database)
      const held = [await beginFamily(database, families), await beginFamily(database, families)]
      expect(await Promise.all(held.map(hasEnded)), 'control').to.deep.equal([false, false])
      await administration.disable(CLIENT, 'operator')
      expect(await Promise.all(held.map(hasEnded))).to.deep.equal([true, true])
      await administration.enable(CLIENT, 'operator')
      expect(await Promise.all(held.map(hasEnded))).to.deep.equal([true, true])
      expect(await hasEnded(await beginFamily(database, families)), 'what begins now').to.equal(false)

      await administration.disable(id, 'operator')
      expect(await accepts(id, secret)).to.equal(false)
      await administration.enable(id, 'operator')
      expect(await accepts(id, secret)).to.equal(true)
    })

    it('S-039 what a login began while its client was disabled does not come alive when it is enabled', async () => {
      const families = refreshFamiliesPostgres(database)
      await beginFamily(database, families)
      await administration.disable(CLIENT, 'operator')
      const underWay = await beginFamily(database, families)
      await administration.enable(CLIENT, 'operator')
      expect(await hasEnded(underWay)).to.equal(true)
    })

    it('S-039 no clock that was ahead keeps a family alive', async () => {
      const family = await beginFamily(database, refreshFamiliesPostgres(database))
      await database.query(`with ahead as (update sessions set created_at = now() + interval '10 minutes')
        update refresh_families set created_at = now() + interval '10 minutes'`)
      await administration.disable(CLIENT, 'operator')
      await administration.enable(CLIENT, 'operator')
      expect(await hasEnded(family)).to.equal(true)
    })

    it("disabling one client ends no other's families", async () => {
      const family = await beginFamily(database, refreshFamiliesPostgres(database))
      await administration.disable((await confidential()).id, 'operator')
      expect(await hasEnded(family)).to.equal(false)
    })

    it('each change leaves its audit row, and a refused one none', async () => {
      const { id } = await confidential()
      const { client: open } = await administration.create({ name: 'browser', isPublic: true }, 'operator')
      await rotate(id)
      await administration.disable(id, 'operator')
      await administration.enable(id, 'operator')
      const refusals = [
        administration.rotateSecret(open.id, 'operator'),
        administration.rotateSecret('client_unknown', 'operator'),
        administration.disable('client_unknown', 'operator'),
      ]
      const errors = await Promise.all(refusals.map((refusal) => refusal.catch((error: unknown) => error)))
      expect(errors.map((error) => error instanceof Refusal && error.code)).to.deep.equal([
        'client_public',
        'client_unknown',
        'client_unknown',
      ])
      expect(await audited()).to.deep.equal([
        'client.created',
        'client.created',
        'client.secret_rotated',
        'client.disabled',
        'client.enabled',
      ])
    })

    it('notes when a secret was used, and the next reading says so', async () => {
      const { id } = await confidential()
      const read = async () => (await readPresentedPostgres(database, clock)(id)).client?.secrets[0]
      const secret = await read()
      expect(secret?.lastUsedAt).to.equal(null)
      await clientsPostgres(database).noteSecretUse(secret?.id ?? '', clock.now())
      expect((await read())?.lastUsedAt).to.deep.equal(clock.now())
    })
  })
})

function storedNew(secret: string) {
  return { ...storedSecret(secret), createdAt: new Date(0) }
}
