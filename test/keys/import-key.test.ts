import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { expect } from 'chai'
import { calculateJwkThumbprint, createLocalJWKSet, jwtVerify, SignJWT } from 'jose'
import { keyAdministration } from '../../src/keys/administration.ts'
import { makeKeyring } from '../../src/keys/keyring.ts'
import { publishToActivateSeconds, retireToRemoveSeconds } from '../../src/keys/schedule.ts'
import { signingKeysPostgres } from '../../src/keys/signing-keys-postgres.ts'
import type { Database } from '../../src/postgres/database.ts'
import type { Refusal } from '../../src/refusal.ts'
import { TestClock } from '../support/clock.ts'
import { forEachDatabase } from '../support/databases.ts'
import {
  age,
  audited,
  BY_HAND,
  failureOf,
  memoryLogger,
  SCHEDULE,
  STOCK_SEALING_KEY,
  stock,
} from './fixtures.ts'

const sealingKey = STOCK_SEALING_KEY
const DELAY = publishToActivateSeconds(SCHEDULE)
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const pem = (key: KeyObject = privateKey) => key.export({ format: 'pem', type: 'pkcs8' }).toString()
const jwk = privateKey.export({ format: 'jwk' })

forEachDatabase((_name, open) => {
  describe('keys import', () => {
    let database: Database
    let kid: string

    beforeEach(async () => {
      database = await open()
      kid = await calculateJwkThumbprint(jwk)
    })

    function administration(schedule = SCHEDULE) {
      const signingKeys = signingKeysPostgres({ database, sealingKey })
      return { signingKeys, ...keyAdministration({ signingKeys, schedule }) }
    }
    async function node() {
      const signingKeys = signingKeysPostgres({ database, sealingKey })
      const parts = { signingKeys, sealingKey, schedule: SCHEDULE, logger: memoryLogger() }
      const keyring = makeKeyring({ ...parts, clock: new TestClock(new Date()) })
      await keyring.reload()
      return keyring
    }
    const phaseOf = async (name: string) =>
      (await administration().listKeys()).find((key) => key.kid === name)?.phase

    it('K-02 publishes the key now and has it sign when every verifier has it, not before', async () => {
      await stock(database)
      const { importKey, rotateKeys } = administration()
      const report = await importKey(pem(), undefined, 'operator')
      expect(report).to.include({ kid, algorithm: 'RS256', phase: 'next' })
      expect(Date.parse(report.activatesAt) - Date.parse(report.publishedAt)).to.equal(DELAY * 1000)
      expect(await failureOf(rotateKeys({ now: true }, 'operator'))).to.include({ code: 'too_early' })

      const before = await node()
      expect(
        JSON.parse(before.jwks().body.toString()).keys.map((key: { kid: string }) => key.kid),
      ).to.include(kid)
      expect(before.signer().kid).not.to.equal(kid)
      await age(database, DELAY)
      const after = await node()
      expect(after.signer().kid).to.equal(kid)
      const token = await new SignJWT().setProtectedHeader({ alg: 'RS256', kid }).sign(after.signer().key)
      await jwtVerify(
        token,
        createLocalJWKSet({ keys: [{ kty: 'RSA', kid, n: String(jwk.n), e: String(jwk.e) }] }),
      )
    })

    it('signs at once where there are no keys at all: an issuer that moves here', async () => {
      const report = await administration(BY_HAND).importKey(pem(), 'RS256', 'operator')
      expect(report).to.include({ phase: 'active', activatesAt: report.publishedAt })
      const phases = (await administration(BY_HAND).listKeys()).map(({ phase }) => phase)
      expect(phases).to.deep.equal(['active', 'next'])
      expect((await node()).signer().kid).to.equal(kid)
    })

    it('of another kind into an empty database leaves the default algorithm with a key that signs', async () => {
      const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const report = await administration().importKey(pem(ec.privateKey), undefined, 'operator')
      expect(report).to.include({ algorithm: 'ES256', phase: 'next' })
      const keyring = await node()
      expect(keyring.signer('RS256')).to.have.property('algorithm', 'RS256')
      await age(database, DELAY)
      expect((await node()).signer('ES256').kid).to.equal(report.kid)
    })

    it('is audited, in the transaction, without the key', async () => {
      await stock(database)
      const report = await administration().importKey(pem(), undefined, 'operator')
      const events = await audited(database)
      expect(events).to.deep.equal([
        {
          event: 'signing_key.imported',
          actor: 'operator',
          details: { kid, algorithm: 'RS256', activates_at: report.activatesAt },
        },
      ])
      await database.query('alter table audit_events rename to elsewhere')
      const { privateKey: another } = generateKeyPairSync('ed25519')
      const before = (await administration().listKeys()).length
      expect(
        await failureOf(administration().importKey(pem(another), undefined, 'operator')),
      ).to.be.instanceOf(Error)
      expect(await administration().listKeys()).to.have.length(before)
    })

    it('K-04 of a key that is here is refused, and says what it is', async () => {
      await stock(database)
      const { importKey } = administration()
      await importKey(pem(), undefined, 'operator')
      const refusal = (await failureOf(importKey(pem(), undefined, 'operator'))) as Refusal
      expect(refusal).to.include({ code: 'key_exists' })
      expect(refusal.message).to.include(`${kid} (next)`)
    })

    it('K-04 of a key that was revoked is refused as long as anything that it signed may be alive', async () => {
      await stock(database)
      const { importKey, revokeKey } = administration()
      await importKey(pem(), undefined, 'operator')
      await age(database, DELAY)
      const { revokedAt } = await revokeKey(kid, 'operator')
      const refusal = (await failureOf(importKey(pem(), undefined, 'operator'))) as Refusal
      expect(refusal).to.include({ code: 'key_exists' })
      expect(refusal.message).to.include(`revoked at ${revokedAt}`)
    })

    it('K-13 of a key that was removed publishes it again, at the next reading of each node', async () => {
      await stock(database)
      const { importKey, rotateKeys, signingKeys } = administration()
      await importKey(pem(), undefined, 'operator')
      await age(database, DELAY)
      const old = await node()
      const token = await new SignJWT().setProtectedHeader({ alg: 'RS256', kid }).sign(old.signer().key)
      await age(database, DELAY)
      await rotateKeys({ now: true }, 'operator')
      await age(database, retireToRemoveSeconds(SCHEDULE))
      await signingKeys.maintain(SCHEDULE)
      expect(await phaseOf(kid)).to.equal(undefined)
      const keyring = await node()
      const verify = () => jwtVerify(token, createLocalJWKSet(JSON.parse(keyring.jwks().body.toString())))
      expect(await failureOf(verify())).to.include({ code: 'ERR_JWKS_NO_MATCHING_KEY' })

      await importKey(pem(), undefined, 'operator')
      await keyring.reload()
      await verify()
    })

    it('K-04 of a weak or unusual key is refused, and nothing is stored', async () => {
      const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey
      const odd = generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 }).privateKey
      const curve = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey
      const { importKey } = administration()
      for (const [key, algorithm, says] of [
        [weak, undefined, '1024 bits'],
        [odd, undefined, 'exponent'],
        [curve, undefined, 'P-256'],
        [privateKey, 'ES256', 'ES256'],
      ] as const) {
        const refusal = (await failureOf(importKey(pem(key), algorithm, 'operator'))) as Refusal
        expect(refusal).to.include({ name: 'Refusal', code: 'unsuitable_key' })
        expect(refusal.message).to.include(says)
      }
      const pss = generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey
      expect(await failureOf(importKey(pem(pss), undefined, 'operator'))).to.include({
        code: 'unsuitable_key',
      })
      expect(await failureOf(importKey(pem(), 'HS256', 'operator'))).to.include({ code: 'algorithm_unknown' })
      const contradiction = JSON.stringify({ ...jwk, alg: 'PS256' })
      expect(await failureOf(importKey(contradiction, 'RS256', 'operator'))).to.include({
        code: 'unsuitable_key',
      })
      expect(await database.query('select from signing_keys')).to.deep.equal([])
    })

    it('takes no kid but the thumbprint, and says so', async () => {
      await stock(database)
      const report = await administration().importKey(
        JSON.stringify({ ...jwk, kid: '2024-01' }),
        undefined,
        'operator',
      )
      expect(report.kid).to.equal(kid)
      expect(report.notes).to.have.length(1)
      expect(report.notes[0]).to.include('"2024-01"')
    })
  })
})
