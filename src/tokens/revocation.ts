import type { Client } from '../clients/client.ts'
import type { Clock } from '../clock.ts'
import type { AccessTokens } from './access-token.ts'
import type { ReadPresented } from './presented.ts'
import type { RefreshFamilies } from './refresh-families.ts'
import type { RefreshTokens } from './refresh-token.ts'
import type { TokenStanding } from './token-standing.ts'

/** Ends a token on behalf of the client it was issued to. */
export type Revoke = (token: string, caller: Client) => Promise<void>

/** What revocation works with. */
export interface RevocationParts {
  readonly accessTokens: AccessTokens
  readonly refreshTokens: RefreshTokens
  readonly readPresented: ReadPresented
  readonly families: RefreshFamilies
  readonly standing: TokenStanding
  readonly clock: Clock
}

/**
 * Makes revocation (RFC 7009). A refresh token, live or spent, ends its family, and with it the family's access tokens
 * at introspection; an access token ends alone. Anything else, another client's token included, is left untouched and
 * answered alike: the caller learns nothing.
 * The returned function throws Unavailable when it is not certain that the token ended.
 */
export function makeRevocation(parts: RevocationParts): Revoke {
  const { accessTokens, refreshTokens, readPresented, families, standing, clock } = parts

  return async (text, caller) => {
    const actor = `client:${caller.id}`
    if (text.startsWith('rt1.')) {
      const token = refreshTokens.parse(text)
      if (!token) return
      const { family: found } = await readPresented(caller.id, token.familyId)
      if (!found || found.family.clientId !== caller.id || !refreshTokens.isGenuine(token, found.family))
        return
      await families.end(found.family, 'revoked', actor, clock.now())
      return
    }
    const verified = await accessTokens.verify(text)
    if (!verified || verified.clientId !== caller.id) return
    await standing.revoke(verified.jti, verified.expiresAt, clock.now(), actor)
  }
}
