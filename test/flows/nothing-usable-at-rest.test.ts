import { createPrivateKey } from 'node:crypto'
import { expect } from 'chai'
import { readSealedRows } from '../../src/keys/key-tables-postgres.ts'
import { startApp } from '../support/app.ts'
import { openPostgres } from '../support/postgres.ts'
import { openRedis } from '../support/redis.ts'
import { dumpPostgres, dumpRedis, noteSecret, secretsIn } from '../support/secrets.ts'
import { testSealingKey } from '../support/signing-keys.ts'

/*
 * P5, S-058: each test that drives a node has its stores and its log searched for every secret of the run when it ends
 * (test/support/app.ts). Here: that the search finds what is there to be found, and the private keys.
 */
describe('P5 S-058 nothing usable at rest', () => {
  it('control: a token, a secret or a password in clear, in hex or in base64 is found', async () => {
    const keyturn = await startApp({ mode: 'standard' })
    const client = await keyturn.createClient()
    await keyturn.createUser('alice')
    const { body } = await keyturn.signIn(client, 'alice')
    const elsewhere = { ...(await openPostgres()), redis: (await openRedis()).client }
    const leaks = [
      body.refresh_token,
      body.access_token,
      client.secret ?? '',
      keyturn.password,
      Buffer.from(body.refresh_token).toString('base64'),
    ]
    for (const leak of leaks) {
      await elsewhere.database.query(
        "insert into audit_events (at, event, actor) values (now(), 'test', $1)",
        [leak],
      )
      await elsewhere.redis.set('leak', leak)
      expect(secretsIn(await dumpPostgres(elsewhere.database)), 'in Postgres').to.have.length(1)
      expect(secretsIn(await dumpRedis(elsewhere.redis)), 'in Redis').to.have.length(1)
      await elsewhere.database.query('delete from audit_events')
    }
    const mac = Buffer.from(body.refresh_token.slice(4), 'base64url').subarray(22, 54)
    await elsewhere.database.query("insert into symmetric_keys values ('test', 1, $1, now(), now())", [mac])
    expect(secretsIn(await dumpPostgres(elsewhere.database)), 'the mac in a bytea column').to.deep.equal([
      body.refresh_token,
    ])
  })

  it('52: S-163 a dump without the sealing key holds no private key, and no key that seals or derives', async () => {
    const keyturn = await startApp({ mode: 'small' })
    const { database } = keyturn.stores
    const client = await keyturn.createClient()
    await keyturn.createUser('alice')
    const { body } = await keyturn.signIn(client, 'alice')
    await keyturn.refresh(client, body.refresh_token)
    const rows = await readSealedRows(database)
    expect(new Set(rows.map(({ table }) => table)).size).to.equal(2)

    const secrets = [{ name: 'the sealing key', bytes: testSealingKey.lines()[0].bytes }]
    for (const { table, name, sealed, context } of rows) {
      const { opened } = testSealingKey.open(sealed, context)
      if (table === 'symmetric_keys') secrets.push({ name, bytes: opened })
      else secrets.push(...privateNumbers(name, opened))
    }
    expect(secrets.length, 'six numbers a signing key').to.be.at.least(1 + 2 * 6 + 2)

    const dump = await dumpPostgres(database)
    const found = (text: string) => secrets.filter(({ bytes }) => isIn(text, bytes)).map(({ name }) => name)
    expect(found(dump)).to.deep.equal([])
    expect(dump).not.to.match(/PRIVATE KEY|"(d|p|q|dp|dq|qi)":/)
    noteSecret(testSealingKey.lines()[0].bytes.toString('base64url'))
    expect(secretsIn(dump)).to.deep.equal([])

    const [published] = await database.query<{ n: string }>("select public_jwk->>'n' as n from signing_keys")
    expect(dump, 'control: the public key is there').to.contain(published?.n)
    for (const { name, bytes } of secrets) {
      for (const encoding of ['base64url', 'base64', 'hex'] as const) {
        expect(found(`${dump}\n${bytes.toString(encoding)}`), `control: ${name}`).to.deep.equal([name])
      }
    }
    const [planted] = secrets.slice(1)
    await database.query('update signing_keys set sealed_private_key = $1 where kid = $2', [
      Buffer.concat([Buffer.from('DER around '), planted?.bytes ?? Buffer.alloc(0)]),
      rows.find(({ table }) => table === 'signing_keys')?.name,
    ])
    expect(found(await dumpPostgres(database)), 'control: unsealed in its own column').to.deep.equal([
      planted?.name,
    ])
  })
})

/** The private numbers of a PKCS #8 key: whoever has one of them has them all. */
function privateNumbers(kid: string, pkcs8: Buffer): { name: string; bytes: Buffer }[] {
  const jwk = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }).export({ format: 'jwk' })
  return (['d', 'p', 'q', 'dp', 'dq', 'qi'] as const).map((member) => {
    return { name: `${member} of ${kid}`, bytes: Buffer.from(jwk[member] ?? '', 'base64url') }
  })
}

/** Whether bytes can be read in a dump: in hex, as a `bytea` column shows them, or in either base64. */
function isIn(dump: string, bytes: Buffer): boolean {
  return (['hex', 'base64', 'base64url'] as const).some((encoding) => {
    return dump.includes(bytes.toString(encoding).replace(/=+$/, ''))
  })
}
