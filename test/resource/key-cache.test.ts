import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { expect } from 'chai'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import type { KeysEvent } from '../../src/resource/index.ts'
import { until } from '../support/until.ts'
import { type Behaviour, type IssuerKey, type KeyServer, outcome, startKeyServer } from './key-server.ts'

const STORM = 10_000
const SECOND = 1000

/** `count` tokens that look right until their kid: no two have the same. */
async function stormTokens(key: IssuerKey, count: number): Promise<string[]> {
  const [, payload, signature] = (await key.token()).split('.')
  return Array.from({ length: count }, () => {
    const header = { alg: 'RS256', kid: randomUUID(), typ: 'at+jwt' }
    return `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${payload}.${signature}`
  })
}

/** How many of each outcome there are. */
async function count(verifications: readonly Promise<unknown>[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const result of await Promise.all(verifications.map(outcome)))
    counts[result] = (counts[result] ?? 0) + 1
  return counts
}

describe('the key cache of keyturn/resource', () => {
  let server: KeyServer
  let key: IssuerKey
  beforeEach(async () => {
    server = await startKeyServer()
    key = await server.makeKey()
    server.keys = [key.jwk]
  })

  describe('in a storm of unknown kids', () => {
    it(`asks once per cooldown, however many of ${STORM} tokens there are, and lets good ones through`, async () => {
      const verifier = server.verifier()
      await verifier.verify(await key.token())
      expect(server.requests).to.have.length(1)
      const tokens = await stormTokens(key, STORM)
      const verify = (list: readonly string[]) => count(list.map((token) => verifier.verify(token)))

      // Within the cooldown of the first fetch there is none; then one for each cooldown that is over.
      server.clock.advance(29 * SECOND)
      expect(await verify(tokens)).to.deep.equal({ 'invalid_token: unknown_kid': STORM })
      expect(server.requests).to.have.length(1)
      for (const fetches of [2, 3, 4]) {
        server.clock.advance(1 * SECOND)
        for (const later of [0, 29]) {
          server.clock.advance(later * SECOND)
          expect(await verify(tokens.slice(0, 500))).to.deep.equal({ 'invalid_token: unknown_kid': 500 })
          expect(await outcome(verifier.verify(await key.token()))).to.equal('good')
          expect(server.requests).to.have.length(fetches)
        }
      }
    })

    it('asks once while the endpoint hangs, and nobody with a known kid waits for it', async () => {
      const verifier = server.verifier({ timeoutMs: 30_000 })
      await verifier.verify(await key.token())
      let giveUp = () => {}
      server.behaviour = (_, response) => {
        giveUp = () => response.socket?.destroy()
      }
      server.clock.advance(30 * SECOND)
      const tokens = await stormTokens(key, STORM)
      let isOver = false
      const storm = count(tokens.map((token) => verifier.verify(token))).finally(() => {
        isOver = true
      })
      await until(() => server.requests.length === 2)
      expect(await outcome(verifier.verify(await key.token()))).to.equal('good')
      expect(isOver, 'the storm still waits').to.equal(false)
      giveUp()
      // Nobody can say whether the issuer has such keys: that is no reason to throw a token away.
      expect(await storm).to.deep.equal({ 'unavailable: keys_not_fetched': STORM })
      expect(await count(tokens.map((token) => verifier.verify(token)))).to.deep.equal({
        'unavailable: keys_not_fetched': STORM,
      })
      expect(server.requests).to.have.length(2)
    })

    it('asks once per try while there are no keys yet, less and less often', async () => {
      server.behaviour = (_, response) => response.writeHead(503).end()
      const verifier = server.verifier()
      const tokens = [...(await stormTokens(key, 200)), await key.token()]
      const moments: number[] = []
      for (let second = 0; second < 130; second++) {
        const before = server.requests.length
        expect(await count(tokens.map((token) => verifier.verify(token)))).to.deep.equal({
          'unavailable: no_keys': tokens.length,
        })
        if (server.requests.length > before) moments.push(second)
        expect(server.requests.length - before).to.be.at.most(1)
        server.clock.advance(SECOND)
      }
      expect(moments).to.deep.equal([0, 1, 3, 7, 15, 31, 61, 91, 121])
      server.behaviour = 'good'
      server.clock.advance(30 * SECOND)
      expect(await outcome(verifier.verify(await key.token()))).to.equal('good')
    })

    it('control: a cache without a cooldown asks each time, and that is counted', async () => {
      const keys = createRemoteJWKSet(new URL(server.url), { cooldownDuration: 0 })
      for (const token of await stormTokens(key, 50)) await jwtVerify(token, keys).catch(() => {})
      expect(server.requests).to.have.length.of.at.least(50)
    })

    it('control: a kid that has just been published is found by the one question', async () => {
      const verifier = server.verifier()
      await verifier.verify(await key.token())
      const next = await server.makeKey()
      server.keys = [key.jwk, next.jwk]
      server.clock.advance(30 * SECOND)
      const token = await next.token()
      const results = await count(Array.from({ length: 50 }, () => verifier.verify(token)))
      expect(results).to.deep.equal({ good: 50 })
      expect(server.requests).to.have.length(2)
    })
  })

  describe('keeps the last good set', () => {
    const answer =
      (status: number, body: string, headers: Record<string, string> = {}) =>
      (_: unknown, response: ServerResponse) =>
        void response.writeHead(status, headers).end(body)
    const FAULTS: Readonly<Record<string, Behaviour | ((server: KeyServer) => Behaviour)>> = {
      'is down': (_, response) => void response.socket?.destroy(),
      'answers 500': answer(500, '{"keys":[]}'),
      'answers 404': answer(404, 'not found'),
      'answers nothing': answer(200, ''),
      'answers no JSON': answer(200, '<html>'),
      'answers JSON that is no set': answer(200, '[]'),
      'answers a set without keys': answer(200, '{"keys":[]}'),
      'answers a set of none but unreadable keys': answer(
        200,
        '{"keys":[{"kty":"OKP","alg":"X","kid":"x"}]}',
      ),
      'answers too much': answer(200, `{"keys":[],"x":"${'x'.repeat(70_000)}"}`),
      'answers half a set': answer(200, '{"keys":[{"kty":"RSA","kid":"'),
      'breaks off': (_, response) => {
        response.writeHead(200, { 'content-length': '1000' })
        response.write('{"keys":[', () => response.socket?.destroy())
      },
      'answers what is not UTF-8': (_, response) => response.writeHead(200).end(Buffer.from([0x7b, 0xff])),
      'answers 304 to who has no set to compare': answer(304, ''),
      hangs: 'hangs',
      'sends the head and hangs': (_, response) => void response.writeHead(200).write('{'),
    }

    for (const [fault, behaviour] of Object.entries(FAULTS)) {
      it(`when the endpoint ${fault}, for a day, and asks at most once per cooldown`, async () => {
        const events: KeysEvent[] = []
        const verifier = server.verifier({ timeoutMs: 100, onKeys: (event) => events.push(event) })
        const verify = async () => outcome(verifier.verify(await key.token()))
        // On a busy machine even a good answer may take longer than that.
        const untilGood = async () => {
          while ((await verify()) !== 'good') server.clock.advance(30 * SECOND)
        }
        await untilGood()
        const asked = server.requests.length
        server.behaviour = behaviour as Behaviour
        // Its time is over, and it was not asked for meanwhile: this once a request waits.
        server.clock.advance(700 * SECOND)
        expect(await verify()).to.equal('good')
        expect(events.slice(-2).map((event) => event.outcome)).to.deep.equal(['fetched', 'failed'])
        expect(server.requests).to.have.length(asked + 1)
        server.clock.advance(29 * SECOND)
        expect(await verify()).to.equal('good')
        expect(server.requests).to.have.length(asked + 1)
        server.clock.advance(80_000 * SECOND)
        expect(await verify()).to.equal('good')
        server.clock.advance(6_000 * SECOND)
        expect(await verify()).to.equal('unavailable: no_keys')
        server.behaviour = 'good'
        server.clock.advance(30 * SECOND)
        await untilGood()
      })
    }

    it('when the endpoint redirects: keys come from where the operator said', async () => {
      const other = await startKeyServer()
      other.keys = [(await other.makeKey('ES256')).jwk]
      const verifier = server.verifier()
      await verifier.verify(await key.token())
      server.behaviour = (_, response) => response.writeHead(302, { location: other.url }).end()
      server.clock.advance(700 * SECOND)
      expect(await outcome(verifier.verify(await key.token()))).to.equal('good')
      expect(other.requests).to.have.length(0)
    })
  })

  describe('asks in time', () => {
    it('refreshes behind the back of requests when four fifths of max-age are over', async () => {
      server.cacheControl = 'public, max-age=100, stale-while-revalidate=60'
      const verifier = server.verifier()
      await verifier.verify(await key.token())
      server.clock.advance(79 * SECOND)
      await verifier.verify(await key.token())
      expect(server.requests).to.have.length(1)
      server.behaviour = 'hangs'
      server.clock.advance(1 * SECOND)
      // It hangs, and the request that noticed has its answer all the same.
      expect(await outcome(verifier.verify(await key.token()))).to.equal('good')
      await until(() => server.requests.length === 2)
    })

    for (const [cacheControl, age, fresh] of [
      [undefined, undefined, 300],
      ['max-age=86400', undefined, 600],
      ['no-store', undefined, 300],
      ['max-age=0', undefined, 30],
      ['max-age=400', '150', 250],
      ['max-age=400', '100000', 30],
      ['s-maxage=9, MAX-AGE=120', undefined, 120],
      ['max-age=-1', undefined, 300],
      ['max-age=99999999999999999999', undefined, 300],
    ] as const) {
      it(`keeps a set for ${fresh} s when told ${cacheControl ?? 'nothing'}${age ? `, age ${age}` : ''}`, async () => {
        const headers = { ...(cacheControl && { 'cache-control': cacheControl }), ...(age && { age }) }
        server.behaviour = (_, response) =>
          response.writeHead(200, headers).end(JSON.stringify({ keys: server.keys }))
        const verifier = server.verifier()
        await verifier.verify(await key.token())
        const next = await server.makeKey()
        server.keys = [next.jwk]
        server.clock.advance(fresh * 0.8 * SECOND - 1)
        expect(await outcome(verifier.verify(await key.token()))).to.equal('good')
        expect(server.requests).to.have.length(1)
        server.clock.advance(fresh * 0.2 * SECOND + 1)
        // The old key is gone, and whoever comes now waits to hear it.
        expect(await outcome(verifier.verify(await key.token()))).to.equal('invalid_token: unknown_kid')
        expect(server.requests).to.have.length(2)
      })
    }

    it('never goes on for more than 600 s without asking, and drops the keys that have gone', async () => {
      server.cacheControl = 'max-age=86400'
      const verifier = server.verifier()
      const next = await server.makeKey()
      server.keys = [key.jwk, next.jwk]
      await verifier.verify(await key.token())
      server.keys = [next.jwk]
      server.clock.advance(600 * SECOND)
      const tokens = [await key.token(), await next.token()]
      expect(await Promise.all(tokens.map((token) => outcome(verifier.verify(token))))).to.deep.equal([
        'invalid_token: unknown_kid',
        'good',
      ])
      expect(server.requests).to.have.length(2)
    })

    it('asks with the entity tag, and takes 304 for an answer', async () => {
      server.etag = '"one"'
      server.cacheControl = 'max-age=100'
      const verifier = server.verifier()
      for (let n = 1; n <= 4; n++) {
        await verifier.verify(await key.token())
        expect(server.requests).to.have.length(n)
        server.clock.advance(100 * SECOND)
      }
      const tags = server.requests.map(({ headers }) => headers['if-none-match'])
      expect(tags).to.deep.equal([undefined, '"one"', '"one"', '"one"'])
      const next = await server.makeKey()
      server.keys = [next.jwk]
      server.etag = '"two"'
      expect(await outcome(verifier.verify(await next.token()))).to.equal('good')
    })

    it('asks again when the clock was set back', async () => {
      const verifier = server.verifier()
      await verifier.verify(await key.token())
      server.clock.advance(-3600 * SECOND)
      expect(await outcome(verifier.verify(await key.token()))).to.equal('good')
      expect(server.requests).to.have.length(2)
    })

    it('fetches beforehand when told to, and does not throw when it cannot', async () => {
      const verifier = server.verifier()
      server.behaviour = (_, response) => response.writeHead(500).end()
      await verifier.warm()
      server.behaviour = 'good'
      server.clock.advance(1 * SECOND)
      await verifier.warm()
      await verifier.warm()
      expect(server.requests).to.have.length(2)
      await verifier.verify(await key.token())
      expect(server.requests).to.have.length(2)
    })

    it('is not troubled by a listener that throws, or by a fetch that heeds no signal', async () => {
      let asked = 0
      const verifier = server.verifier({
        timeoutMs: 20,
        fetch: () => {
          asked++
          return new Promise(() => {})
        },
        onKeys: () => {
          throw new Error('of the listener')
        },
      })
      for (const times of [1, 2]) {
        expect(await outcome(verifier.verify(await key.token()))).to.equal('unavailable: no_keys')
        expect(asked).to.equal(times)
        server.clock.advance(30 * SECOND)
      }
    })
  })

  describe('of a set', () => {
    it('passes over the keys that it cannot read, and takes the others', async () => {
      const ec = await server.makeKey('ES256')
      const members = { ...key.jwk, kid: 'x' }
      server.keys = [
        { kty: 'AKP', alg: 'ML-DSA-44', kid: 'pq', pub: 'AAAA' },
        ...([null, 7, 'key', [], {}] as never[]),
        { ...members, kid: 'enc', use: 'enc' },
        { ...members, kid: 'wrap', key_ops: ['wrapKey'] },
        { ...members, kid: '', use: 'sig' },
        { ...members, kid: 7 as never },
        { ...members, kid: 'no-alg', alg: undefined as never },
        { ...members, kid: 'hs', alg: 'HS256', kty: 'oct', k: 'AAAA' },
        { ...members, kid: 'small', n: 'sXchDaQebHnPiGvyDOAT4saGEUetSyo9MKLOoWFsueri' },
        { ...members, kid: 'broken', n: '!'.repeat(342) },
        { ...members, kid: 'mismatch', kty: 'EC' },
        ec.jwk,
        key.jwk,
      ]
      const verifier = server.verifier()
      expect(await outcome(verifier.verify(await key.token()))).to.equal('good')
      for (const kid of ['pq', 'enc', 'wrap', '', 'no-alg', 'hs', 'small', 'broken', 'mismatch']) {
        const token = await key.token({}, { kid })
        expect(await outcome(verifier.verify(token)), kid).to.equal('invalid_token: unknown_kid')
      }
      expect(await outcome(verifier.verify(await ec.token()))).to.equal(
        'invalid_token: ERR_JOSE_ALG_NOT_ALLOWED',
      )
    })

    it('takes neither of two different keys under one kid, in whatever order, and one of two that are the same', async () => {
      const other = await server.makeKey()
      const twin = { ...other.jwk, kid: key.kid }
      const third = await server.makeKey()
      for (const keys of [
        [key.jwk, twin],
        [twin, key.jwk],
        [key.jwk, twin, key.jwk],
      ]) {
        server.keys = [...keys, third.jwk]
        const verifier = server.verifier()
        expect(await outcome(verifier.verify(await key.token()))).to.equal('invalid_token: unknown_kid')
        expect(await outcome(verifier.verify(await other.token({}, { kid: key.kid })))).to.match(
          /unknown_kid/,
        )
        expect(await outcome(verifier.verify(await third.token()))).to.equal('good')
      }
      server.keys = [key.jwk, { ...key.jwk, x5t: 'AAAA' }]
      expect(await outcome(server.verifier().verify(await key.token()))).to.equal('good')
    })

    it('reads no private member, though a set has one', async () => {
      server.keys = [{ ...key.jwk, d: 'AAAA' }]
      expect(await outcome(server.verifier().verify(await key.token()))).to.equal('good')
    })
  })
})
