import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { expect } from 'chai'
import { makeAcceptedKey, OLD_ALGORITHMS } from '../../src/swap/accepted-key.ts'
import { readOldToken } from '../../src/swap/old-token.ts'
import { startApp } from '../support/app.ts'

const NOW = new Date('2026-01-01T00:00:00Z')
const SECRET = 'a secret of an earlier system, long enough'
const CLAIMS = { token_type: 'refresh', jti: 'a1', user_id: 7, iat: 1_767_200_000, exp: 1_769_800_000 }
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })

function pem({ publicKey }: { publicKey: KeyObject }): string {
  return publicKey.export({ type: 'spki', format: 'pem' }).toString()
}

/** The key that an operator gives for an algorithm. */
function textOf(algorithm: string): string {
  return { RS256: pem(rsa), ES256: pem(ec) }[algorithm] ?? SECRET
}

function accepted(algorithm: string, text = textOf(algorithm), days = 30) {
  const acceptUntil = new Date(NOW.getTime() + days * 86_400_000)
  return makeAcceptedKey({ text, algorithm, acceptUntil, isListRequired: true }, NOW)
}

/** As simplejwt signs. @param secret of another HMAC than the usual one */
function token(algorithm: string, claims: object = CLAIMS, secret = SECRET): string {
  const parts = [{ alg: algorithm, typ: 'JWT' }, claims]
  const signed = parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  const bytes = Buffer.from(signed)
  const signature =
    algorithm === 'RS256'
      ? sign('sha256', bytes, rsa.privateKey)
      : algorithm === 'ES256'
        ? sign('sha256', bytes, { key: ec.privateKey, dsaEncoding: 'ieee-p1363' })
        : createHmac(`sha${algorithm.slice(2)}`, secret)
            .update(signed)
            .digest()
  return `${signed}.${signature.toString('base64url')}`
}

describe('refresh tokens of an earlier system', () => {
  it('are read with the pinned algorithm and no other', () => {
    for (const pinned of OLD_ALGORITHMS) {
      for (const used of OLD_ALGORITHMS) {
        const read = readOldToken(token(used), accepted(pinned))
        if (pinned === used) expect(read, pinned).to.deep.include({ jti: 'a1', userId: '7' })
        else expect(read, `${used} where ${pinned} is pinned`).to.equal('foreign')
      }
    }
  })

  it('are not believed where the public key is taken for a secret, or a bit has changed', () => {
    for (const algorithm of ['RS256', 'ES256']) {
      const confused = token('HS256', CLAIMS, pem(algorithm === 'RS256' ? rsa : ec))
      expect(readOldToken(confused, accepted(algorithm))).to.equal('foreign')
      const [head, , signature] = token(algorithm).split('.')
      const [, other] = token(algorithm, { ...CLAIMS, user_id: 1 }).split('.')
      expect(readOldToken(`${head}.${other}.${signature}`, accepted(algorithm))).to.equal('foreign')
    }
    expect(readOldToken(token('HS256', { ...CLAIMS, token_type: 'access' }), accepted('HS256'))).to.equal(
      'wrong_type',
    )
  })

  it('the key must be one for the algorithm, strong enough, and for 90 days at most', () => {
    const weak = pem(generateKeyPairSync('rsa', { modulusLength: 1024 }))
    const otherCurve = pem(generateKeyPairSync('ec', { namedCurve: 'P-384' }))
    for (const [algorithm, text, days] of [
      ['HS256', 'short', 30],
      ['HS256', SECRET, 91],
      ['HS256', SECRET, 0],
      ['none', SECRET, 30],
      ['RS256', SECRET, 30],
      ['RS256', weak, 30],
      ['RS256', pem(ec), 30],
      ['ES256', pem(rsa), 30],
      ['ES256', otherCurve, 30],
    ] as const)
      expect(() => accepted(algorithm, text, days), `${algorithm} ${days}`).to.throw(/^(?!.*secret of)/)
    expect(accepted('HS256', `${SECRET}\n`, 90).key).to.equal(SECRET)
  })

  for (const mode of ['small', 'embedded'] as const) {
    it(`${mode}: one is swapped once, and its answer can be asked for again`, async () => {
      const keyturn = await startApp({ mode })
      const now = new Date('2026-01-01T00:00:00Z')
      const ada = await keyturn.createUser('ada')
      await (await keyturn.administration.clients()).enable('django', 'operator')
      const old = await keyturn.administration.oldTokens()
      const acceptUntil = new Date(now.getTime() + 86_400_000)
      const details = { text: pem(ec), algorithm: 'ES256', acceptUntil, isListRequired: true }
      await old.accept(details, { isDryRun: false }, 'operator')
      const [made] = await (await keyturn.administration.audit()).tail({ limit: 1 })
      expect(made?.event).to.equal('symmetric_key.created')
      expect(made?.details).to.deep.include({
        algorithm: 'ES256',
        accept_until: acceptUntil.toISOString(),
        list_required: true,
      })
      const expiresAt = new Date(Date.now() + 86_400_000)
      const row = { jti: 'a1', userId: ada.id, expiresAt, isBlacklisted: false }
      expect(
        await old.importAll([row, row, { ...row, jti: 'b2', isBlacklisted: true }], 'operator'),
      ).to.equal(2)
      expect(await old.importAll([row], 'operator')).to.equal(0)
      const refresh = async (jti: string) => {
        const claims = { ...CLAIMS, jti, user_id: ada.id }
        const body = JSON.stringify({ refresh: token('ES256', claims) })
        return keyturn.send('POST', '/api/token/refresh/', body, { 'content-type': 'application/json' })
      }
      const answers = await Promise.all(['a1', 'a1', 'a1', 'a1'].map(refresh))
      expect(new Set(answers.map(({ body }) => body.refresh)).size).to.equal(1)
      expect(answers.map(({ status }) => status)).to.deep.equal([200, 200, 200, 200])
      expect((await refresh('b2')).body.detail).to.equal('Token is blacklisted')
      expect((await refresh('c3')).body.detail).to.equal('Token is invalid')
    })
  }
})
