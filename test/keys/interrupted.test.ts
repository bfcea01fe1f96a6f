import { generateKeyPairSync } from 'node:crypto'
import { expect } from 'chai'
import { keyAdministration } from '../../src/keys/administration.ts'
import { publishToActivateSeconds } from '../../src/keys/schedule.ts'
import { keyLives } from '../../src/keys/signing-key.ts'
import { signingKeysPostgres } from '../../src/keys/signing-keys-postgres.ts'
import type { Database, Queryable } from '../../src/postgres/database.ts'
import { Unavailable } from '../../src/unavailable.ts'
import { openPostgres } from '../support/postgres.ts'
import { age, SCHEDULE, STOCK_SEALING_KEY, stock } from './fixtures.ts'

const sealingKey = STOCK_SEALING_KEY
const DELAY = publishToActivateSeconds(SCHEDULE)
/** Far more statements than any of these takes. */
const MOST_STEPS = 60

/** The database of a node that dies before its n-th statement within transactions, COMMIT among them. */
function dyingAt(step: number, database: Database) {
  let steps = 0
  const died = { yes: false }
  async function dieIfDue(transaction: Queryable) {
    if (++steps !== step) return
    died.yes = true
    const [row] = await transaction.query<{ pid: number }>('select pg_backend_pid() as pid')
    await database.query('select pg_terminate_backend($1)', [row?.pid])
  }
  const dying: Database = {
    ...database,
    transaction: (work) =>
      database.transaction(async (transaction) => {
        const result = await work({
          async query(sql, values) {
            await dieIfDue(transaction)
            return transaction.query(sql, values)
          },
        })
        await dieIfDue(transaction)
        return result
      }),
  }
  return { dying, died }
}

describe('K-03 a node that dies in the middle of changing the keys', () => {
  let database: Database

  before(async () => {
    database = (await openPostgres()).database
  })

  function administration(on: Database) {
    const signingKeys = signingKeysPostgres({ database: on, sealingKey })
    return { signingKeys, ...keyAdministration({ signingKeys, schedule: SCHEDULE }) }
  }

  /** Keys of EdDSA, which take no time to make: one that signs, and where asked for one to follow. */
  async function setUp({ withNext }: { withNext: boolean }): Promise<string> {
    await database.query('truncate signing_keys')
    await stock(database)
    const { signingKeys } = administration(database)
    const make = () => signingKeys.seal('EdDSA', generateKeyPairSync('ed25519').privateKey)
    const [active, next] = [await make(), await make()]
    await signingKeys.change(({ now }) => {
      const first = { change: 'import', pair: active, activatesAt: now } as const
      const second = { change: 'import', pair: next, activatesAt: null } as const
      return { changes: withNext ? [first, second] : [first], result: undefined }
    }, 'operator')
    await age(database, DELAY)
    return active.kid
  }

  async function phases() {
    const { keys, now } = await administration(database).signingKeys.load()
    const lives = keyLives(keys, now, SCHEDULE)
    return (algorithm: string) =>
      lives.filter(({ key }) => key.algorithm === algorithm).map(({ phase }) => phase)
  }

  async function expectOneActive(step: number) {
    const of = await phases()
    for (const algorithm of ['RS256', 'EdDSA']) {
      const active = of(algorithm).filter((phase) => phase === 'active')
      expect(active, `${algorithm}, died at step ${step}`).to.have.length(1)
    }
  }

  for (const [what, withNext, run] of [
    ['maintenance', false, (node: ReturnType<typeof administration>) => node.signingKeys.maintain(SCHEDULE)],
    [
      'a rotation',
      true,
      (node: ReturnType<typeof administration>) =>
        node.rotateKeys({ now: true, algorithm: 'EdDSA' }, 'operator'),
    ],
    [
      'a revocation',
      true,
      (node: ReturnType<typeof administration>, kid: string) => node.revokeKey(kid, 'operator'),
    ],
  ] as const) {
    it(`leaves ${what} done or undone at every step, one active key, and any other node goes on`, async () => {
      const seen = new Set<string>()
      let step = 1
      for (; step < MOST_STEPS; step++) {
        const kid = await setUp({ withNext })
        const { dying, died } = dyingAt(step, database)
        const failure = await run(administration(dying), kid).then(
          () => undefined,
          (error: unknown) => error,
        )
        if (!died.yes) break
        if (failure !== undefined) expect(failure).to.be.instanceOf(Unavailable)
        await expectOneActive(step)
        seen.add((await phases())('EdDSA').sort().join(' '))

        await administration(database).signingKeys.maintain(SCHEDULE)
        await expectOneActive(step)
        const after = (await phases())('EdDSA')
        expect(
          after.filter((phase) => phase === 'next'),
          `step ${step}`,
        ).to.have.length(1)
      }
      // It did die at every step there is, before anything was done and after.
      expect(step).to.be.within(8, MOST_STEPS - 1)
      expect(seen.size).to.be.greaterThan(what === 'maintenance' ? 0 : 1)
    })
  }
})
