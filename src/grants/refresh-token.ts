import type { Client } from '../clients/client.ts'
import { type Clock, toSeconds } from '../clock.ts'
import { OAuthError } from '../oauth/errors.ts'
import { chooseAudience } from '../oauth/resource.ts'
import { narrowScope } from '../oauth/scope.ts'
import { familyExpiry, idleExpiry, type Lifetimes, lifetimesOf } from '../tokens/lifetimes.ts'
import type { PresentedFamily } from '../tokens/presented.ts'
import type { RefreshFamilies, Rotation } from '../tokens/refresh-families.ts'
import type { RefreshTokens } from '../tokens/refresh-token.ts'
import type { Grant } from './grant.ts'
import type { PresentedRefreshToken } from './token-request.ts'

/** What the refresh grant works with. */
export interface RefreshTokenParts {
  readonly refreshTokens: RefreshTokens
  readonly families: RefreshFamilies
  readonly keyVersion: () => number
  readonly lifetimes: Lifetimes
  readonly retryWindowSeconds: number
  readonly issuer: string
  readonly clock: Clock
  /** Told of every outcome, for metric and log. */
  readonly noteRotation: (rotation: Rotation) => void
}

/**
 * RFC 6749 §6: trade a refresh token for new tokens.
 *
 * A spent token that comes back outside its window was stolen from one of its two users, and nobody can tell which, so
 * its whole family ends (RFC 9700 §4.14.2). Rotation comes last: a request we refuse must not cost the client its only
 * good token.
 */
export function refreshToken(parts: RefreshTokenParts): Grant {
  const { families, clock, issuer } = parts

  return {
    type: 'refresh_token',

    async authorize({ form, client, refreshToken: presented }) {
      const now = clock.now()
      const live = checkPresented(presented, client, parts.refreshTokens, now)
      const { family } = live.presented
      const lifetimes = lifetimesOf(client, parts.lifetimes)
      if (
        now >= family.idleExpiresAt &&
        now >= familyExpiry(family, await families.position(family), lifetimes)
      ) {
        throw refused('refresh_token_expired')
      }
      // What was granted then and is allowed now: taking a scope from a client takes it from its sessions too.
      const allowedScope = family.scope.filter((token) => client.scopes.includes(token))
      const allowedAudience = family.audience.filter((name) => client.audiences.includes(name))
      if (allowedAudience.length === 0 && family.audience.length > 0) {
        throw new OAuthError('invalid_target', 'the client lost the resources of this grant', {
          reason: 'audience_withdrawn',
        })
      }
      const scope = narrowScope(form.optional('scope'), allowedScope)
      const resources = form.many('resource')
      const audience =
        resources.length === 0 && allowedAudience.length > 0
          ? allowedAudience
          : chooseAudience(resources, allowedAudience, issuer)

      const rotation = await families.rotate(family, {
        presented: live.generation,
        now,
        keyVersion: parts.keyVersion(),
        rules: { retryWindowSeconds: parts.retryWindowSeconds, latePolicy: client.latePolicy },
        idleExpiresAt: idleExpiry(now, family.absoluteExpiresAt, lifetimes),
      })
      parts.noteRotation(rotation)
      const { outcome, position } = rotation
      if (outcome === 'reuse' || outcome === 'future') {
        await families.end(family, outcome, `client:${client.id}`, now)
        throw refused(`refresh_token_${outcome}`)
      }
      if (outcome === 'ended') throw refused('refresh_token_ended')
      return {
        client,
        subject: { kind: 'family', presented: live.presented, position },
        scope,
        audience,
        refreshable: { scope: family.scope, audience: family.audience },
      }
    },
  }
}

/** Everything that can be known of the token before anything is consumed. */
function checkPresented(
  presented: PresentedRefreshToken | undefined,
  client: Client,
  refreshTokens: RefreshTokens,
  now: Date,
): { presented: PresentedFamily; generation: number } {
  if (!presented?.family) throw refused('refresh_token_unknown')
  const { token, family: found } = presented
  const { family } = found
  if (!refreshTokens.isGenuine(token, family)) throw refused('refresh_token_forged')
  if (family.clientId !== client.id) throw refused('refresh_token_of_another_client')
  if (family.endedAt !== null || found.sessionEnded) throw refused('refresh_token_revoked')
  if (!found.userIsActive) throw refused('refresh_token_user_disabled')
  // In whole seconds, as a token says it: one that would expire as it is issued is no token.
  if (toSeconds(now) >= toSeconds(family.absoluteExpiresAt)) throw refused('refresh_token_expired')
  return { presented: found, generation: token.generation }
}

function refused(reason: string): OAuthError {
  return new OAuthError('invalid_grant', 'the refresh token is not valid', { reason })
}
