import { randomUUID } from 'node:crypto'
import { errors, type JWTPayload, jwtVerify } from 'jose'
import { addSeconds, type Clock, toSeconds } from '../clock.ts'
import { DEFAULT_SIGNING_ALGORITHM, SIGNING_ALGORITHM_NAMES } from '../keys/algorithms.ts'
import type { KeyInUse, Keyring } from '../keys/keyring.ts'
import { signJws } from '../keys/sign-jws.ts'
import { printScope } from '../oauth/scope.ts'

/** RFC 9068 §2.1. */
const TYPE = 'at+jwt'
/** A token of ours is far below this; anything longer is refused before it is looked into. */
const MAX_LENGTH = 8192

/** What an access token says. */
export interface AccessTokenContent {
  /** The user's id, or the client's id where it acts for itself. */
  readonly subject: string
  readonly clientId: string
  readonly audience: readonly string[]
  readonly scope: readonly string[]
  readonly issuedAt: Date
  readonly expiresAt: Date
  /** Only for users. */
  readonly username?: string
  readonly authenticatedAt?: Date
  readonly sessionId?: string
  /** The refresh family it was issued with, base64url. */
  readonly familyId?: string
  /** The API key that was exchanged for it. */
  readonly keyId?: string
}

/** A token of ours that is whole and not expired. Whether it was ended early is for introspection to ask. */
export interface VerifiedAccessToken extends AccessTokenContent {
  readonly jti: string
}

/** What a text is as an access token: nothing, or a token of ours that may be past its time. */
export interface ReadAccessToken {
  readonly token: VerifiedAccessToken | undefined
  readonly isExpired: boolean
  /** Whether it was issued before a signing key was revoked. */
  readonly isBeforeRevocation: boolean
}

const NOT_OURS: ReadAccessToken = { token: undefined, isExpired: false, isBeforeRevocation: false }

/** Makes and reads access tokens. */
export interface AccessTokens {
  /**
   * @param algorithm the client's choice; null for the default
   * @throws Unavailable when no key of that algorithm may sign now: another one never takes its place
   */
  sign(content: AccessTokenContent, algorithm: string | null): Promise<string>
  /**
   * For a request that is to use something up before it signs: says first that it could not sign.
   * @throws Unavailable as `sign` would
   */
  requireSigner(algorithm: string | null): void
  /** The content, or undefined when it is not a live access token of ours. */
  verify(token: string): Promise<VerifiedAccessToken | undefined>
  /** The same for an operator who asks about a token that may have expired. */
  read(token: string): Promise<ReadAccessToken>
}

/**
 * Access tokens as RFC 9068 has them: `iss sub aud client_id scope iat exp jti auth_time`, and `sid` and `fid`, our
 * session and family. For Django resource servers also `token_type`, and for users `user_id` and `username`
 * (docs/adr/0005-access-tokens.md). `iat` is rounded down, there is no `nbf`: a verifier's clock may be a little behind.
 */
export function accessTokens({
  issuer,
  keyring,
  clock,
}: {
  issuer: string
  keyring: Pick<Keyring, 'signer' | 'verificationKey' | 'minimumIssuedAt'>
  clock: Clock
}): AccessTokens {
  return {
    async sign(content, chosen) {
      return signJws(signer(chosen), TYPE, claimsOf(content, issuer))
    },

    requireSigner: (algorithm) => void signer(algorithm),

    async verify(token) {
      const read = await examine(token)
      return read.isExpired || read.isBeforeRevocation ? undefined : read.token
    },

    read: examine,
  }

  function signer(algorithm: string | null): KeyInUse {
    return keyring.signer(algorithm ?? DEFAULT_SIGNING_ALGORITHM)
  }

  async function examine(token: string): Promise<ReadAccessToken> {
    if (token.length > MAX_LENGTH) return NOT_OURS
    let minimumIssuedAt: Date | undefined
    const found = (payload: JWTPayload, isExpired: boolean): ReadAccessToken => {
      const content = toContent(payload)
      // `iat` has whole seconds: of the second of the revocation both sides count.
      const isBeforeRevocation =
        minimumIssuedAt !== undefined && toSeconds(content.issuedAt) < toSeconds(minimumIssuedAt)
      return { token: content, isExpired, isBeforeRevocation }
    }
    try {
      const { payload } = await jwtVerify(
        token,
        (header) => {
          const named = header.kid === undefined ? undefined : keyring.verificationKey(header.kid)
          if (named === undefined || named.algorithm !== header.alg) throw new errors.JWKSNoMatchingKey()
          minimumIssuedAt = keyring.minimumIssuedAt(named.kid)
          return named.key
        },
        {
          issuer,
          typ: TYPE,
          algorithms: [...SIGNING_ALGORITHM_NAMES],
          requiredClaims: ['sub', 'aud', 'client_id', 'scope', 'jti', 'iat', 'exp'],
          currentDate: clock.now(),
        },
      )
      return found(payload, false)
    } catch (error) {
      // Its expiry is the last thing that is looked at: everything else holds.
      if (error instanceof errors.JWTExpired) return found(error.payload, true)
      if (error instanceof errors.JOSEError || error instanceof TypeError) return NOT_OURS
      throw error
    }
  }
}

function claimsOf(content: AccessTokenContent, issuer: string): JWTPayload {
  const { audience, authenticatedAt, sessionId, familyId, username, keyId } = content
  return {
    iss: issuer,
    sub: content.subject,
    aud: audience.length === 1 ? (audience[0] as string) : [...audience],
    client_id: content.clientId,
    scope: printScope(content.scope),
    iat: toSeconds(content.issuedAt),
    exp: toSeconds(content.expiresAt),
    // 122 random bits, of which Node keeps some in store.
    jti: randomUUID().replaceAll('-', ''),
    token_type: 'access',
    ...(authenticatedAt && { auth_time: toSeconds(authenticatedAt) }),
    ...(sessionId !== undefined && { sid: sessionId }),
    ...(familyId !== undefined && { fid: familyId }),
    ...(username !== undefined && { user_id: content.subject, username }),
    ...(keyId !== undefined && { key_id: keyId }),
  }
}

/** Reads back what `claimsOf` wrote; the signature says that we wrote it. */
function toContent(payload: JWTPayload): VerifiedAccessToken {
  const claims = payload as JWTPayload &
    Record<'sub' | 'jti' | 'client_id' | 'scope', string> &
    Record<string, unknown>
  const text = (name: string) => (typeof claims[name] === 'string' ? { [name]: claims[name] as string } : {})
  const { username, sid, fid, key_id } = {
    ...text('username'),
    ...text('sid'),
    ...text('fid'),
    ...text('key_id'),
  } as Record<string, string>
  return {
    subject: claims.sub,
    clientId: claims.client_id,
    audience: [claims.aud ?? []].flat(),
    scope: claims.scope === '' ? [] : claims.scope.split(' '),
    issuedAt: addSeconds(new Date(0), claims.iat ?? 0),
    expiresAt: addSeconds(new Date(0), claims.exp ?? 0),
    jti: claims.jti,
    ...(username !== undefined && { username }),
    ...(sid !== undefined && { sessionId: sid }),
    ...(fid !== undefined && { familyId: fid }),
    ...(key_id !== undefined && { keyId: key_id }),
    ...(typeof claims['auth_time'] === 'number' && {
      authenticatedAt: addSeconds(new Date(0), claims['auth_time']),
    }),
  }
}
