import { createHmac, timingSafeEqual, verify } from 'node:crypto'
import type { AcceptedKey } from './accepted-key.ts'

const JWT = /^[\w-]{1,2000}\.([\w-]{1,6000})\.([\w-]{1,1000})$/
const LONGEST_JTI = 255

/** What a refresh token of simplejwt says. Its signature holds. */
export interface OldToken {
  readonly jti: string
  /** `user_id`, or `sub` where the project called it so; it may have neither. */
  readonly userId: string | undefined
  /** When it, or the one it was rotated from, was issued. */
  readonly issuedAt: Date
  readonly expiresAt: Date
}

/** Whether a text could be one at all. */
export function looksLikeOldToken(text: string): boolean {
  return JWT.test(text)
}

/**
 * Reads a token that the old key has signed.
 * @returns `foreign` where that is not so, `wrong_type` for an access token, and otherwise the token, expired or not
 */
export function readOldToken(text: string, key: AcceptedKey): OldToken | 'foreign' | 'wrong_type' {
  const [head = '', payload = '', signature = ''] = text.split('.')
  if (!JWT.test(text) || jsonOf(head)?.['alg'] !== key.algorithm) return 'foreign'
  if (!isSigned(`${head}.${payload}`, Buffer.from(signature, 'base64url'), key)) return 'foreign'
  const claims = jsonOf(payload) ?? {}
  const { jti, exp, iat, token_type: type } = claims
  if (type !== 'refresh') return type === 'access' ? 'wrong_type' : 'foreign'
  if (typeof jti !== 'string' || !/^[\w-]+$/.test(jti) || jti.length > LONGEST_JTI) return 'foreign'
  if (!isTime(exp) || !isTime(iat)) return 'foreign'
  const user = claims['user_id'] ?? claims['sub']
  const userId = typeof user === 'string' || typeof user === 'number' ? String(user) : undefined
  return { jti, userId, issuedAt: new Date(iat * 1000), expiresAt: new Date(exp * 1000) }
}

function isSigned(signed: string, signature: Buffer, { algorithm, key }: AcceptedKey): boolean {
  if (!algorithm.startsWith('HS')) {
    return verify('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }, signature)
  }
  const expected = createHmac(`sha${algorithm.slice(2)}`, key)
    .update(signed)
    .digest()
  return expected.length === signature.length && timingSafeEqual(expected, signature)
}

function jsonOf(part: string): Record<string, unknown> | undefined {
  try {
    const value = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

/** Seconds since 1970, in the range of a Date that databases know. */
function isTime(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value < 1e11
}
