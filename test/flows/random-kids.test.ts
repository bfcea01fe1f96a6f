import { randomBytes } from 'node:crypto'
import { expect } from 'chai'
import type { Queryable } from '../../src/postgres/database.ts'
import { startApp } from '../support/app.ts'

/** At each of the two. */
const TOKENS = 5000
/** Requests in flight at once: enough to be quick, few enough for any machine. */
const AT_ONCE = 50
/** What a node asks by itself, request or not. The keys are among it: they are counted beside. */
const BACKGROUND =
  /current_setting\('transaction_read_only'\)|symmetric_keys|audit_|from webhooks|set local idle_in_transaction/
const KEYS = /signing_keys|"?nodes"?/
/** Who asks for an introspection has to be authenticated: one read, shared by all requests of a turn. */
const CLIENT = /from client_secrets k where k\.client_id = c\.id/
/** Keys are read every 15 s anyway, and a slow machine takes longer for all this. */
const FEW = 50

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** As our own, but for the kid and the signature. */
function withRandomKid(token: string): string {
  const [header = '', payload = ''] = token.split('.')
  const known = JSON.parse(Buffer.from(header, 'base64url').toString())
  const kid = randomBytes(32).toString('base64url')
  return `${encode({ ...known, kid })}.${payload}.${randomBytes(256).toString('base64url')}`
}

describe('K-11 10,000 tokens with random kids', () => {
  /** A node that notes what it asks its database. */
  async function noting() {
    const base = await startApp({ mode: 'small' })
    const { database } = base.stores
    const asked: string[] = []
    const noted = <Q extends Queryable>(queryable: Q): Q => ({
      ...queryable,
      query: ((sql, values) => {
        if (!BACKGROUND.test(sql)) asked.push(sql)
        return queryable.query(sql, values)
      }) as Queryable['query'],
    })
    const keyturn = await startApp({
      stores: {
        ...base.stores,
        database: {
          ...noted(database),
          run: (statement, values) => {
            asked.push(statement.sql)
            return database.run(statement, values)
          },
          transaction: (work) => database.transaction((transaction) => work(noted(transaction))),
        },
      },
    })
    const client = await keyturn.createClient({ scopes: ['read', 'account'], audiences: [] })
    await keyturn.createUser('alice')
    const signIn = async () => (await keyturn.signIn(client, 'alice')).body.access_token as string
    return { keyturn, client, signIn, asked }
  }

  async function present(token: string, use: (forged: string) => Promise<void>): Promise<void> {
    for (let sent = 0; sent < TOKENS; sent += AT_ONCE) {
      await Promise.all(Array.from({ length: AT_ONCE }, () => use(withRandomKid(token))))
    }
  }

  it('cause no read at the account API', async () => {
    const { keyturn, signIn, asked } = await noting()
    const token = await signIn()
    const authorized = (bearer: string) => ({ authorization: `Bearer ${bearer}` })
    asked.length = 0
    let refused = 0
    await present(token, async (forged) => {
      const { status } = await keyturn.get('/account/api/sessions', authorized(forged))
      if (status === 401) refused++
    })
    expect(refused).to.equal(TOKENS)
    expect(asked.filter((sql) => !KEYS.test(sql))).to.deep.equal([])
    expect(asked.filter((sql) => KEYS.test(sql))).to.have.length.below(FEW)

    const genuine = await signIn() // the first has expired by the test's clock
    asked.length = 0
    expect((await keyturn.get('/account/api/sessions', authorized(genuine))).status).to.equal(200)
    expect(asked, 'a genuine token is looked up').to.not.deep.equal([])
  }).timeout(120_000)

  it('cause no read at introspection but that of the client that asks', async () => {
    const { keyturn, client, signIn, asked } = await noting()
    const token = await signIn()
    asked.length = 0
    let inactive = 0
    await present(token, async (forged) => {
      const { body } = await keyturn.post('/oauth/introspect', { token: forged }, client)
      if (body.active === false) inactive++
    })
    expect(inactive).to.equal(TOKENS)
    expect(asked.filter((sql) => !KEYS.test(sql) && !CLIENT.test(sql))).to.deep.equal([])
    expect(asked.filter((sql) => KEYS.test(sql))).to.have.length.below(FEW)

    const genuine = await signIn()
    asked.length = 0
    expect((await keyturn.post('/oauth/introspect', { token: genuine }, client)).body.active).to.equal(true)
    expect(
      asked.filter((sql) => !KEYS.test(sql) && !CLIENT.test(sql)),
      'a genuine one is',
    ).to.have.length(1)
  }).timeout(120_000)
})
