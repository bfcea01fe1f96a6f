import { randomBytes } from 'node:crypto'
import { addSeconds, type Clock, toSeconds } from '../clock.ts'
import { OAuthError } from '../oauth/errors.ts'
import { printScope } from '../oauth/scope.ts'
import type { AccessTokenContent, AccessTokens } from './access-token.ts'
import type { Authorization, TokenHolder } from './authorization.ts'
import { idleExpiry, type Lifetimes, lifetimesOf, unrememberedLifetimes } from './lifetimes.ts'
import type { RefreshFamilies, RefreshFamily } from './refresh-families.ts'
import type { RefreshTokens } from './refresh-token.ts'
import { FIRST_GENERATION } from './rotation.ts'

/** RFC 6749 §5.1. Wire names. */
export interface TokenResponse {
  readonly access_token: string
  readonly token_type: 'Bearer'
  readonly expires_in: number
  readonly scope?: string
  readonly refresh_token?: string
}

/** Turns an authorization into tokens: the only mint. */
export type IssueTokens = (authorization: Authorization) => Promise<TokenResponse>

/** The parts the issuer works with. */
export interface IssuerParts {
  readonly accessTokens: Pick<AccessTokens, 'sign'>
  readonly refreshTokens: RefreshTokens
  readonly families: RefreshFamilies
  /** The refresh key version for a new family. */
  readonly keyVersion: () => number
  /** For clients that have none of their own. */
  readonly lifetimes: Lifetimes
  readonly clock: Clock
}

/**
 * Makes the issuer. A login is recorded (session and family) before anything is signed; if signing fails after that, the
 * client simply signs in again, and if it fails after a rotation, the retry gets the same refresh token.
 */
export function makeIssuer(parts: IssuerParts): IssueTokens {
  const { accessTokens, refreshTokens, families, keyVersion, clock } = parts

  return async (authorization) => {
    const { client, subject, scope, audience } = authorization
    const now = clock.now()
    const ttl = lifetimesOf(client, parts.lifetimes)
    const accessExpiresAt = addSeconds(now, ttl.accessTokenTtlSeconds)
    const base = { clientId: client.id, scope, audience, issuedAt: now }

    switch (subject.kind) {
      case 'client':
        return answer(client, { ...base, subject: client.id, expiresAt: accessExpiresAt })

      case 'api_key': {
        const { keyId, user } = subject
        const ofHolder = user ? { subject: user.id, username: user.username } : { subject: keyId }
        return answer(client, { ...base, ...ofHolder, keyId, expiresAt: accessExpiresAt })
      }

      case 'login': {
        // A letter first: nothing that an operator puts on a command line may look like an option.
        const sessionId = `s_${randomBytes(16).toString('base64url')}`
        const mayRefresh = client.grants.includes('refresh_token')
        const { authenticatedAt, isRemembered } = subject.login
        const sessionTtl = isRemembered ? ttl : unrememberedLifetimes(client, ttl)
        const family = mayRefresh
          ? newFamily(authorization, subject.user.id, sessionId, now, sessionTtl)
          : undefined
        const expiresAt = family?.idleExpiresAt ?? accessExpiresAt
        const session = {
          id: sessionId,
          userId: subject.user.id,
          clientId: client.id,
          ...subject.login,
          expiresAt,
          family,
        }
        if (!(await families.begin(session))) {
          throw new OAuthError('invalid_grant', 'the username or the password is wrong', {
            reason: 'user_changed_meanwhile',
          })
        }
        return answer(
          client,
          {
            ...base,
            ...ofUser(subject.user, authenticatedAt, sessionId, family),
            expiresAt: withinSession(accessExpiresAt, family),
          },
          family && refreshTokens.print(family, FIRST_GENERATION, family.anchor.keyVersion),
        )
      }

      case 'family': {
        const { family, user, authenticatedAt } = subject.presented
        const { generation, keyVersion: version } = subject.position
        return answer(
          client,
          {
            ...base,
            ...ofUser(user, authenticatedAt, family.sessionId, family),
            expiresAt: withinSession(accessExpiresAt, family),
          },
          refreshTokens.print(family, generation, version),
        )
      }
    }
  }

  async function answer(
    client: TokenHolder,
    content: AccessTokenContent,
    refreshToken?: string,
  ): Promise<TokenResponse> {
    return {
      access_token: await accessTokens.sign(content, client.accessTokenAlg),
      token_type: 'Bearer',
      expires_in: toSeconds(content.expiresAt) - toSeconds(content.issuedAt),
      // Nothing to name where nothing was asked for or may be granted: an empty scope is not one (RFC 6749 §3.3).
      ...(content.scope.length > 0 && { scope: printScope(content.scope) }),
      ...(refreshToken !== undefined && { refresh_token: refreshToken }),
    }
  }

  function newFamily(
    { client, refreshable }: Authorization,
    userId: string,
    sessionId: string,
    now: Date,
    ttl: Lifetimes,
  ): RefreshFamily {
    const absoluteExpiresAt = addSeconds(now, ttl.refreshAbsoluteTtlSeconds)
    return {
      id: randomBytes(16),
      sessionId,
      userId,
      clientId: client.id,
      scope: refreshable.scope,
      audience: refreshable.audience,
      salt: randomBytes(16),
      absoluteExpiresAt,
      idleExpiresAt: idleExpiry(now, absoluteExpiresAt, ttl),
      endedAt: null,
      anchor: {
        generation: FIRST_GENERATION,
        predecessor: 0,
        rotatedAt: now,
        keyVersion: keyVersion(),
        lateUsed: false,
      },
    }
  }
}

/** The end of the session is the end: no access token outlives it. */
function withinSession(expiresAt: Date, family: RefreshFamily | undefined): Date {
  return family !== undefined && family.absoluteExpiresAt < expiresAt ? family.absoluteExpiresAt : expiresAt
}

function ofUser(
  user: { id: string; username: string },
  authenticatedAt: Date,
  sessionId: string,
  family: RefreshFamily | undefined,
) {
  return {
    subject: user.id,
    username: user.username,
    authenticatedAt,
    sessionId,
    ...(family && { familyId: family.id.toString('base64url') }),
  }
}
