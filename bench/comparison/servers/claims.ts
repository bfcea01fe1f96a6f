import { randomUUID } from 'node:crypto'

/** Seconds; as Keyturn's default. */
export const TTL_SECONDS = 600

/** What an access token of ours says (RFC 9068): as many bytes to sign as Keyturn has. */
export function accessTokenClaims(issuer: string): Record<string, unknown> {
  const now = Math.floor(Date.now() / 1000)
  return {
    iss: issuer,
    sub: '7b0f5f1e-3c44-4b8e-9d49-3f2f1c5f6a55',
    aud: 'https://api.example.com',
    client_id: 'client_0123456789abcdef0123',
    scope: 'read',
    iat: now,
    exp: now + TTL_SECONDS,
    jti: randomUUID(),
    sid: 's_0123456789abcdefghijkl',
    fid: '0123456789abcdefghijkl',
    user_id: '7b0f5f1e-3c44-4b8e-9d49-3f2f1c5f6a55',
    username: 'alice',
    token_type: 'access',
  }
}
