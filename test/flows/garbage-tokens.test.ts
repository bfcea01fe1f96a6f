import { randomBytes } from 'node:crypto'
import { expect } from 'chai'
import type { Queryable } from '../../src/postgres/database.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { openRedis } from '../support/redis.ts'

/** What a node asks by itself, request or not: whether the database is there, which keys there are, and whether somebody is to be told. */
const BACKGROUND =
  /current_setting\('transaction_read_only'\)|left join (signing|symmetric)_keys|into nodes|audit_|from webhooks|set local idle_in_transaction/
/** Requests in flight at once: enough to be quick, few enough for any machine. */
const AT_ONCE = 50

async function inBatches(tokens: string[], use: (token: string) => Promise<void>): Promise<void> {
  for (let start = 0; start < tokens.length; start += AT_ONCE) {
    await Promise.all(tokens.slice(start, start + AT_ONCE).map(use))
  }
}

/** Changes one bit of the token's bytes. */
function flipOneBit(token: string): string {
  const bytes = Buffer.from(token.slice('rt1.'.length), 'base64url')
  const bit = randomBytes(2).readUInt16BE() % (bytes.length * 8)
  bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  return `rt1.${bytes.toString('base64url')}`
}

describe('R-18 10,000 random and bit-flipped refresh tokens', () => {
  /** A node that counts what it asks its stores. */
  async function counting() {
    const { url, client: redis } = await openRedis()
    const base = await startApp({ mode: 'small' })
    let queries = 0
    const { database } = base.stores
    const counting = <Q extends Queryable>(queryable: Q): Q => ({
      ...queryable,
      query: ((sql, values) => {
        if (!BACKGROUND.test(sql)) queries++
        return queryable.query(sql, values)
      }) as Queryable['query'],
    })
    const counted: typeof database = {
      ...counting(database),
      run: (statement, values) => {
        queries++
        return database.run(statement, values)
      },
      transaction: (work) => database.transaction((transaction) => work(counting(transaction))),
    }
    const keyturn = await startApp({
      stores: { ...base.stores, mode: 'standard', redisUrl: url, database: counted },
    })
    /** Commands of all clients so far, the question itself included. */
    const commands = async () => Number(/total_commands_processed:(\d+)/.exec(await redis.info('stats'))?.[1])
    return { keyturn, commands, queries: () => queries }
  }

  async function refreshToken(keyturn: TestApp) {
    const client = await keyturn.createClient()
    await keyturn.createUser('alice')
    return { client, token: (await keyturn.signIn(client, 'alice')).body.refresh_token as string }
  }

  it('cause no Redis command and no Postgres query', async () => {
    const { keyturn, commands, queries } = await counting()
    const { client, token } = await refreshToken(keyturn)
    const random = Array.from({ length: 5000 }, () => `rt1.${randomBytes(66).toString('base64url')}`)
    const flipped = Array.from({ length: 5000 }, () => flipOneBit(token))
    const [queriesBefore, commandsBefore] = [queries(), await commands()]

    let refused = 0
    await inBatches([...random, ...flipped], async (garbage) => {
      const { status, body } = await keyturn.refresh(client, garbage)
      if (status === 400 && body.error === 'invalid_grant') refused++
    })

    expect(refused).to.equal(10_000)
    expect(queries() - queriesBefore, 'Postgres queries').to.equal(0)
    expect((await commands()) - commandsBefore, 'Redis commands but for the one that asks').to.equal(1)

    // Control: the same count sees a genuine token.
    const [queriesThen, commandsThen] = [queries(), await commands()]
    expect((await keyturn.refresh(client, token)).status).to.equal(200)
    expect(queries() - queriesThen).to.be.greaterThan(0)
    expect((await commands()) - commandsThen).to.be.greaterThan(1)
  }).timeout(120_000)
})
