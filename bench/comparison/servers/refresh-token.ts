import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/*
 * The refresh token of the floors: random, with an HMAC, and kept nowhere.
 */

const secret = randomBytes(32)

export function makeRefreshToken(): string {
  const id = randomBytes(24)
  return `${id.toString('base64url')}.${macOf(id).toString('base64url')}`
}

export function isRefreshToken(token: string): boolean {
  const [id = '', mac = ''] = token.split('.')
  const given = Buffer.from(mac, 'base64url')
  return given.length === 32 && timingSafeEqual(given, macOf(Buffer.from(id, 'base64url')))
}

function macOf(id: Buffer): Buffer {
  return createHmac('sha256', secret).update(id).digest()
}
