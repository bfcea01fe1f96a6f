import type { Clock } from '../clock.ts'
import { OAuthError } from '../oauth/errors.ts'
import { chooseAudience } from '../oauth/resource.ts'
import { narrowScope } from '../oauth/scope.ts'
import { idleExpiry, type Lifetimes, lifetimesOf } from '../tokens/lifetimes.ts'
import type { RefreshFamilies } from '../tokens/refresh-families.ts'
import { type NoteRefresh, outcomeOf } from '../tokens/refresh-outcome.ts'
import type { RefreshStanding } from '../tokens/refresh-standing.ts'
import { Unavailable } from '../unavailable.ts'
import type { Grant, GrantRequest } from './grant.ts'

/** What the refresh grant works with. */
export interface RefreshTokenParts {
  readonly standing: RefreshStanding
  readonly families: RefreshFamilies
  readonly keyVersion: () => number
  readonly lifetimes: Lifetimes
  readonly retryWindowSeconds: number
  readonly issuer: string
  readonly clock: Clock
  readonly noteRefresh: NoteRefresh
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

    async authorize({ form, client, refreshToken: presented, staleness }) {
      const now = clock.now()
      const { token, found } = await check(presented, client, now)
      const { family } = found
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

      if (staleness.isStale()) throw stale()
      const rotation = await families.rotate(family, {
        presented: token.generation,
        now,
        keyVersion: parts.keyVersion(),
        rules: { retryWindowSeconds: parts.retryWindowSeconds, latePolicy: client.latePolicy },
        idleExpiresAt: idleExpiry(now, family.absoluteExpiresAt, lifetimesOf(client, parts.lifetimes)),
      })
      const { outcome, position } = rotation
      if (outcome === 'reuse' || outcome === 'future') {
        if (await staleness.isStaleAtSecondLook()) throw stale()
        await families.end(family, outcome, `client:${client.id}`, now)
      }
      parts.noteRefresh({
        outcome: outcomeOf(rotation),
        clientId: client.id,
        family,
        generation: token.generation,
      })
      if (outcome === 'reuse' || outcome === 'future' || outcome === 'ended') {
        throw refused(`refresh_token_${outcome}`)
      }
      return {
        client,
        subject: { kind: 'family', presented: found, position },
        scope,
        audience,
        refreshable: { scope: family.scope, audience: family.audience },
      }
    },
  }

  async function check(presented: GrantRequest['refreshToken'], client: GrantRequest['client'], now: Date) {
    if (!presented) throw new Error('the pipeline parses the refresh token')
    const { token, family: found } = presented
    const stand = await parts.standing(token, found, client, now)
    if (stand.outcome === 'live') return { token, found: stand.found }
    const { generation } = token
    const family = found && { family: found.family }
    parts.noteRefresh({ outcome: stand.outcome, clientId: client.id, generation, ...family })
    throw refused(stand.reason)
  }
}

function stale(): Unavailable {
  return new Unavailable('request', 'nobody waits for the answer any more')
}

function refused(reason: string): OAuthError {
  return new OAuthError('invalid_grant', 'the refresh token is not valid', { reason })
}
