import { expect } from 'chai'
import { createLocalJWKSet, jwtVerify, SignJWT } from 'jose'
import { SIGNING_ALGORITHMS } from '../../src/keys/algorithms.ts'
import { sealSigningKey } from '../../src/keys/key-material.ts'
import type { Keyring } from '../../src/keys/keyring.ts'
import { makeKeyring } from '../../src/keys/keyring.ts'
import { retireToRemoveSeconds, stalenessLimitSeconds } from '../../src/keys/schedule.ts'
import type { SigningKeys } from '../../src/keys/signing-keys.ts'
import { signingKeysPostgres } from '../../src/keys/signing-keys-postgres.ts'
import type { Database } from '../../src/postgres/database.ts'
import { Unavailable } from '../../src/unavailable.ts'
import { TestClock } from '../support/clock.ts'
import { forEachDatabase } from '../support/databases.ts'
import {
  age,
  failureOf,
  memoryLogger,
  newSealingKey,
  SCHEDULE,
  STOCK_SEALING_KEY,
  stock,
} from './fixtures.ts'

const PERIOD = SCHEDULE.rotationPeriodSeconds
const LIMIT = stalenessLimitSeconds(SCHEDULE)
const HOUR = 3600
const sealingKey = STOCK_SEALING_KEY

/** Real stored keys behind a line that can be cut, and a count of the readings. */
function cuttable(store: SigningKeys) {
  let announce = () => {}
  const line = {
    isCut: false,
    readings: 0,
    nextReading: () =>
      new Promise<void>((resolve) => {
        announce = resolve
      }),
  }
  const reach = <T>(work: () => Promise<T>): Promise<T> =>
    line.isCut ? Promise.reject(new Unavailable('postgres', 'no answer')) : work()
  const signingKeys: SigningKeys = {
    load() {
      line.readings++
      announce()
      return reach(() => store.load())
    },
    maintain: (schedule) => reach(() => store.maintain(schedule)),
    introduce: (...asked) => reach(() => store.introduce(...asked)),
    activate: (decide, actor) => reach(() => store.activate(decide, actor)),
    seal: (algorithm, privateKey) => store.seal(algorithm, privateKey),
    change: (decide, actor) => reach(() => store.change(decide, actor)),
  }
  return { line, signingKeys }
}

forEachDatabase((_name, open) => {
  describe('the keyring', () => {
    let database: Database
    let store: SigningKeys
    const started: Keyring[] = []

    beforeEach(async () => {
      database = await open()
      store = signingKeysPostgres({ database, sealingKey })
    })
    afterEach(() => {
      for (const keyring of started.splice(0)) keyring.stop()
    })

    /** A node with a clock of its own, off by some seconds, and a line to the database of its own. */
    function node(
      options: { sealing?: typeof sealingKey; clockOff?: number; schedule?: typeof SCHEDULE } = {},
    ) {
      const { sealing = sealingKey, clockOff = 0, schedule = SCHEDULE } = options
      const { line, signingKeys } = cuttable(signingKeysPostgres({ database, sealingKey: sealing }))
      const clock = new TestClock(new Date(Date.now() + clockOff * 1000))
      const logger = memoryLogger()
      const keyring = makeKeyring({ signingKeys, sealingKey: sealing, schedule, clock, logger })
      started.push(keyring)
      return { keyring, clock, line, logger, wait: (seconds: number) => clock.advance(seconds * 1000) }
    }

    async function kidsByPhase() {
      const { keys } = await store.load()
      const [first, second] = [...keys].sort((a, b) => Number(a.activatesAt) - Number(b.activatesAt))
      return { active: String(first?.kid), next: String(second?.kid) }
    }

    async function corrupt(kid: string) {
      await database.query(
        `update signing_keys set sealed_private_key = set_byte(sealed_private_key, 40,
           get_byte(sealed_private_key, 40) # 1) where kid = $1`,
        [kid],
      )
    }

    function publishedKids(keyring: Keyring): string[] {
      return JSON.parse(keyring.jwks().body.toString()).keys.map(({ kid }: { kid: string }) => kid)
    }

    it('makes the first keys, and what it signs verifies with what it publishes', async () => {
      const { keyring } = node()
      await keyring.start()
      expect(keyring.status()).to.deep.equal({ ready: true })
      const { kid, algorithm, key } = keyring.signer()
      const token = await new SignJWT({ sub: 'ada' }).setProtectedHeader({ alg: algorithm, kid }).sign(key)
      const verified = await jwtVerify(token, createLocalJWKSet(JSON.parse(keyring.jwks().body.toString())))
      expect(verified.payload.sub).to.equal('ada')
      const own = keyring.verificationKey(kid)
      expect(own).to.include({ kid, algorithm })
      expect((await jwtVerify(token, own?.key ?? Buffer.of())).payload.sub).to.equal('ada')
    })

    it('K-01 K-09 nodes that start together on an empty database sign with the same key and publish the same bytes', async () => {
      const nodes = [node(), node(), node({ clockOff: 42 })]
      await Promise.all(nodes.map(({ keyring }) => keyring.start()))
      const [one, ...others] = nodes.map(({ keyring }) => ({ kid: keyring.signer().kid, ...keyring.jwks() }))
      for (const other of others) {
        expect(other.kid).to.equal(one?.kid)
        expect(other.etag).to.equal(one?.etag)
        expect(other.body.equals(one?.body ?? Buffer.of())).to.equal(true)
      }
    })

    it('S-161 publishes the active and the next key, with public members only', async () => {
      await stock(database)
      const { keyring } = node()
      await keyring.start()
      const { keys } = JSON.parse(keyring.jwks().body.toString())
      expect(keys).to.have.length(2)
      for (const key of keys) {
        expect(key).to.have.all.keys('kty', 'kid', 'use', 'alg', 'n', 'e')
        expect(key).to.include({ kty: 'RSA', use: 'sig', alg: 'RS256' })
      }
    })

    it('follows a rotation: the old key is published until nothing it signed is alive, then no more', async () => {
      await stock(database)
      const { keyring } = node()
      await keyring.start()
      const { active, next } = await kidsByPhase()
      await age(database, PERIOD)
      await keyring.reload()
      expect(keyring.signer().kid).to.equal(next)
      await keyring.maintain()
      expect(publishedKids(keyring)).to.have.length(3).and.to.include(active)

      await age(database, retireToRemoveSeconds(SCHEDULE))
      await keyring.reload()
      expect(publishedKids(keyring)).to.have.length(2).and.not.to.include(active)
      expect(keyring.verificationKey(active)).to.equal(undefined)
    })

    for (const clockOff of [-HOUR, -60, 60, HOUR]) {
      it(`K-08 a node whose clock is off by ${clockOff} s switches when the database's clock says so`, async () => {
        await stock(database)
        const { active, next } = await kidsByPhase()
        await age(database, PERIOD - 600)
        const { keyring, wait } = node({ clockOff })
        await keyring.reload()
        wait(570)
        expect(keyring.signer().kid).to.equal(active)
        wait(60)
        expect(keyring.signer().kid).to.equal(next)
      })
    }

    it('K-07 a node that cannot read the keys stops signing at half the delay, and goes on publishing', async () => {
      await stock(database)
      const { keyring, line, wait } = node()
      await keyring.start()
      const { active } = await kidsByPhase()
      const before = keyring.jwks()
      line.isCut = true
      expect(await failureOf(keyring.reload())).to.be.instanceOf(Unavailable)
      wait(LIMIT)
      expect(keyring.signer().kid).to.equal(active)
      expect(keyring.verificationKey('unknown')).to.equal(undefined)

      wait(0.001)
      expect(await failureOf(() => keyring.signer())).to.include({
        name: 'Unavailable',
        part: 'signing-keys',
      })
      expect(keyring.status()).to.have.property('ready', false)
      expect(keyring.jwks()).to.include({ body: before.body, etag: before.etag })
      // A known key verifies; of an unknown one it cannot say any more that there is none.
      expect(keyring.verificationKey(active)).to.include({ kid: active })
      expect(await failureOf(() => keyring.verificationKey('unknown'))).to.be.instanceOf(Unavailable)

      line.isCut = false
      await keyring.reload()
      expect(keyring.status()).to.deep.equal({ ready: true })
    })

    it('K-07 a clock that is set back does not make an old set young', async () => {
      await stock(database)
      const { keyring, wait } = node()
      await keyring.start()
      wait(-HOUR)
      expect(await failureOf(() => keyring.signer())).to.be.instanceOf(Unavailable)
    })

    it('K-10 S-162 the JWKS is served through half an hour without a database', async () => {
      await stock(database)
      const { keyring, line, wait } = node()
      await keyring.start()
      const before = keyring.jwks()
      line.isCut = true
      for (let minute = 0; minute < 30; minute++) {
        wait(60)
        await keyring.reload().catch(() => {})
        expect(keyring.jwks()).to.include({ body: before.body, etag: before.etag })
      }
      expect(keyring.jwks().cacheControl, 'and nobody keeps it').to.equal(
        'public, max-age=0, stale-while-revalidate=0, stale-if-error=0',
      )
      line.isCut = false
      await keyring.reload()
      expect(keyring.jwks()).to.deep.equal(before)
    })

    it('K-11 a flood of unknown kids costs no reading', async () => {
      await stock(database)
      const { keyring, line } = node()
      await keyring.start()
      const before = line.readings
      for (let count = 0; count < 10_000; count++) keyring.verificationKey(`kid-${count}`)
      expect(line.readings).to.equal(before)
    })

    it('K-05 with its active key damaged before the start it is not ready, and publishes the key all the same', async () => {
      await stock(database)
      const { active, next } = await kidsByPhase()
      await corrupt(active)
      const { keyring, logger } = node()
      await keyring.start()
      expect(keyring.status()).to.have.property('ready', false)
      expect(await failureOf(() => keyring.signer())).to.be.instanceOf(Unavailable)
      expect(publishedKids(keyring)).to.have.members([active, next])
      expect(keyring.verificationKey(active)).to.include({ kid: active })
      const errors = logger.lines.filter(({ level }) => level === 'error')
      expect(errors.map(({ fields }) => (fields as { kid?: string }).kid)).to.deep.equal([active])
      expect(keyring.damagedKeys()).to.equal(1)

      await age(database, PERIOD)
      await keyring.reload()
      expect(keyring.signer().kid).to.equal(next)
    })

    it('K-05 with its active key damaged while it runs it signs on with what it has, and says so once', async () => {
      await stock(database)
      const { keyring, logger } = node()
      await keyring.start()
      const { active } = await kidsByPhase()
      const before = keyring.signer()
      await corrupt(active)
      await keyring.reload()
      await keyring.reload()
      expect(keyring.signer().key).to.equal(before.key)
      expect(logger.lines.filter(({ level }) => level === 'error')).to.have.length(1)
    })

    it('K-05 a start with nothing but a damaged active key is not ready, serves the JWKS, and does not blame the key', async () => {
      await stock(database)
      const { active, next } = await kidsByPhase()
      await database.query('delete from signing_keys where kid = $1', [next])
      await corrupt(active)
      await database.query('update signing_keys set sealed_with = $1', [sealingKey.fingerprint])
      const { keyring } = node()
      await keyring.reload()
      expect(keyring.status()).to.have.property('ready', false)
      expect(publishedKids(keyring)).to.deep.equal([active])
      expect(keyring.damagedKeys()).to.equal(1)

      await database.query("update signing_keys set sealed_with = 'another1'")
      const wrong = await failureOf(node().keyring.reload())
      expect(wrong, 'control: sealed with another key').to.include({ kind: 'wrong' })
    })

    it('K-05 a public part that is not the one its kid names is not published', async () => {
      await stock(database)
      const { active, next } = await kidsByPhase()
      const foreign = await sealSigningKey(
        'RS256',
        await SIGNING_ALGORITHMS.RS256.generate(),
        sealingKey.lines()[0],
      )
      await database.query('update signing_keys set public_jwk = $2 where kid = $1', [
        next,
        JSON.stringify(foreign.publicJwk),
      ])
      const { keyring, logger } = node()
      await keyring.start()
      expect(publishedKids(keyring)).to.deep.equal([active])
      expect(logger.lines.filter(({ level }) => level === 'error')).to.have.length(1)
    })

    it('K-06 does not start with a sealing key that opens none of the stored keys', async () => {
      await stock(database)
      const { keyring } = node({ sealing: newSealingKey() })
      expect(await failureOf(keyring.start())).to.include({ name: 'SealingKeyProblem', kind: 'wrong' })
      await node().keyring.start()
    })

    it('K-06 a running node whose keys are sealed anew under another key signs on, and makes none itself', async () => {
      await stock(database)
      const { keyring, logger } = node()
      await keyring.start()
      const { active, next } = await kidsByPhase()
      await database.query(
        "update signing_keys set sealed_private_key = sealed_private_key || '\\x00'::bytea",
      )
      await keyring.reload()
      expect(keyring.signer().kid).to.equal(active)

      await age(database, PERIOD)
      await keyring.reload()
      expect(keyring.signer().kid).to.equal(next)
      await keyring.maintain()
      expect((await store.load()).keys).to.have.length(2)
      expect(logger.lines.filter(({ level }) => level === 'warn')).to.deep.equal([])
    })

    it('waits for a database that is not there yet, without anything to publish', async () => {
      const { keyring, line, logger } = node()
      line.isCut = true
      await keyring.start()
      expect(keyring.status()).to.have.property('ready', false)
      expect(await failureOf(() => keyring.jwks())).to.be.instanceOf(Unavailable)
      expect(await failureOf(() => keyring.verificationKey('any'))).to.be.instanceOf(Unavailable)
      expect(logger.lines.map(({ level }) => level)).to.deep.equal(['warn'])

      line.isCut = false
      await keyring.reload()
      await keyring.maintain()
      expect(keyring.status()).to.deep.equal({ ready: true })
    })

    it('publishes nothing rather than an empty set', async () => {
      const { keyring } = node()
      await keyring.reload()
      expect(await failureOf(() => keyring.jwks())).to.be.instanceOf(Unavailable)
      expect(keyring.status()).to.have.property('ready', false)
    })

    it('imports a key once, however often it reads', async () => {
      await stock(database)
      const { keyring } = node()
      await keyring.start()
      const before = keyring.signer()
      await keyring.reload()
      expect(keyring.signer().key).to.equal(before.key)
    })

    it('reads again by itself, makes what is due, and stops when told', async () => {
      const schedule = { ...SCHEDULE, reloadPeriodSeconds: 0.02 }
      const [one, other] = [node({ schedule }), node({ schedule })]
      one.line.isCut = true
      await one.keyring.start()
      one.line.isCut = false
      while (!one.keyring.status().ready) await one.line.nextReading()
      await one.keyring.stop()
      await one.keyring.maintain()

      const before = one.line.readings
      await other.keyring.start()
      for (let count = 0; count < 5; count++) await other.line.nextReading()
      expect(one.line.readings).to.equal(before)
    })

    it('does not keep the process alive', async () => {
      await stock(database)
      const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
      const { keyring } = node()
      await keyring.start()
      const running = timers()
      await keyring.stop()
      expect(timers()).to.equal(running)
      // The control: a timer that does would have been counted.
      const control = setTimeout(() => {}, 60_000)
      expect(timers()).to.equal(running + 1)
      clearTimeout(control)
    })
  })
})
