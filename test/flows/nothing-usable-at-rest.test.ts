import { expect } from 'chai'
import { open } from '../../src/crypto/envelope.ts'
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

  it('S-163 no private key, and no key that seals or derives, is in the database', async () => {
    const keyturn = await startApp({ mode: 'small' })
    const { database } = keyturn.stores
    const rows = await database.query<{ kid: string; sealed_private_key: Buffer; public_jwk: { n: string } }>(
      'select kid, sealed_private_key, public_jwk from signing_keys',
    )
    const dump = await dumpPostgres(database)
    expect(dump).not.to.match(/PRIVATE KEY|"(d|p|q|dp|dq|qi)":/)
    expect(dump.toLowerCase()).not.to.contain(testSealingKey.lines()[0].bytes.toString('hex'))
    expect(rows).to.have.length(2)
    for (const row of rows) {
      expect(dump, 'control: the public key is there').to.contain(row.public_jwk.n)
      const privateKey = open(testSealingKey.lines()[0].bytes, row.sealed_private_key, `signing:${row.kid}`)
      // The end of a PKCS #8 key is private; its beginning is the same for all.
      expect(dump.toLowerCase()).not.to.contain(privateKey.subarray(-32).toString('hex'))
    }
    noteSecret(testSealingKey.lines()[0].bytes.toString('base64url'))
    expect(secretsIn(dump)).to.deep.equal([])
  })
})
