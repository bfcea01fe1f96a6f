import { randomBytes } from 'node:crypto'
import { addSeconds, type Clock } from '../clock.ts'
import { digestSecret } from '../crypto/secret.ts'
import { isScopeToken } from '../oauth/scope.ts'
import { Refusal } from '../refusal.ts'
import { type ApiKey, makeApiKey } from './api-key.ts'
import type { ApiKeys, ImportedApiKey } from './api-keys.ts'

/** Manages the account it belongs to: for people who have just signed in, not for a key in a configuration file. */
const NEVER = 'account'
const LONGEST_NAME = 100
/** Longer is a mistake, or a key that does not expire. */
const LONGEST_LIFE_SECONDS = 10 * 366 * 86_400
/** As for clients: removal of signing keys counts on it (docs/adr/0004-signing-keys.md). */
const ACCESS_TOKEN_TTL_SECONDS = { least: 60, most: 3600 }
/** Of all scopes, and of all audiences: a token that carries them all stays below 4 KB (ADR 5). */
const MAX_TOTAL_LENGTH = 900
/** Two prefixes are one in 10^14 draws. */
const DRAWS = 3

/** What an operator says of a new key. */
export interface ApiKeyDetails {
  readonly name: string
  /** Whom it acts for: username or e-mail address; nobody where it is left out. */
  readonly user?: string | undefined
  readonly scopes?: readonly string[] | undefined
  readonly audiences?: readonly string[] | undefined
  readonly accessTokenTtlSeconds?: number | undefined
  readonly expiresInSeconds?: number | undefined
}

/**
 * What an operator may do with API keys; the command line and the administration API are two thin doors to it. Each change is
 * audited in its own transaction. All throw Refusal with what to do about it.
 */
export function apiKeyAdministration({
  apiKeys,
  findUserId,
  clock,
}: {
  apiKeys: ApiKeys
  findUserId: (name: string) => Promise<string | undefined>
  clock: Clock
}) {
  async function requiredUser(name: string): Promise<string> {
    const id = await findUserId(name)
    if (id !== undefined) return id
    throw new Refusal('user_unknown', `there is no user ${JSON.stringify(name)}: see keyturn users list`)
  }

  return {
    /** Makes a key, which is shown this once. */
    async create(
      details: ApiKeyDetails,
      actor: string,
    ): Promise<{ id: string; key: string; expiresAt: Date | null }> {
      const { name, user, accessTokenTtlSeconds = null } = details
      const scopes = [...new Set(details.scopes ?? [])]
      const audiences = [...new Set(details.audiences ?? [])]
      check(details)
      const userId = user === undefined ? null : await requiredUser(user)
      const createdAt = clock.now()
      const expiresAt =
        details.expiresInSeconds === undefined ? null : addSeconds(createdAt, details.expiresInSeconds)
      for (let draw = 0; draw < DRAWS; draw++) {
        const { key, prefix } = makeApiKey()
        const id = `ak_${randomBytes(10).toString('hex')}`
        const row = { id, prefix, digest: digestSecret(key), name, userId, scopes, audiences }
        const outcome = await apiKeys.add(
          { ...row, accessTokenTtlSeconds, createdAt, expiresAt },
          { event: 'api_key.created', actor, ...(userId !== null && { userId }), details: { id, name } },
        )
        if (outcome === 'added') return { id, key, expiresAt }
        if (outcome === 'unknown') {
          throw new Refusal('user_disabled', `${JSON.stringify(user)} is disabled: see keyturn users enable`)
        }
      }
      throw new Refusal('api_key_prefix_taken', 'no free prefix was drawn: try again')
    },

    /** Takes keys of an earlier system, with the hashes it had. @returns how many were new */
    async importKeys(keys: readonly ImportedApiKey[], actor: string): Promise<number> {
      return apiKeys.addImported(keys, actor)
    },

    async list(user: string | undefined, limit: number, after?: string): Promise<ApiKey[]> {
      const userId = user === undefined ? undefined : await requiredUser(user)
      return apiKeys.list({ userId }, limit, after)
    },

    /** Ends one at once and for good, and with it the access tokens that were issued for it, at introspection. */
    async revoke(id: string, actor: string): Promise<void> {
      if (await apiKeys.revoke(id, clock.now(), actor)) return
      throw new Refusal(
        'api_key_unknown',
        `there is no API key ${JSON.stringify(id)} that is not revoked: see keyturn api-keys list`,
      )
    },
  }
}

/** What an operator may do with API keys. */
export type ApiKeyAdministration = ReturnType<typeof apiKeyAdministration>

function check({
  name,
  scopes = [],
  audiences = [],
  accessTokenTtlSeconds: ttl,
  expiresInSeconds,
}: ApiKeyDetails) {
  if (name.length === 0 || name.length > LONGEST_NAME || /\p{C}/u.test(name)) {
    throw invalid(`a name has 1 to ${LONGEST_NAME} characters, none of them a control character`)
  }
  if (!scopes.every(isScopeToken)) throw invalid('a scope has no space, quote or backslash')
  if (scopes.includes(NEVER)) throw invalid(`no API key manages an account: leave the scope ${NEVER} out`)
  if (audiences.some((audience) => audience === '' || audience.length > 500 || /\p{C}/u.test(audience))) {
    throw invalid('an audience has 1 to 500 characters, none of them a control character')
  }
  for (const list of [scopes, audiences]) {
    if (Buffer.byteLength(JSON.stringify(list)) > MAX_TOTAL_LENGTH) {
      throw invalid(`all scopes, and all audiences, are ${MAX_TOTAL_LENGTH} bytes at most`)
    }
  }
  const { least, most } = ACCESS_TOKEN_TTL_SECONDS
  if (ttl !== undefined && !(Number.isInteger(ttl) && ttl >= least && ttl <= most)) {
    throw invalid(`its access tokens live ${least} to ${most} seconds`)
  }
  if (expiresInSeconds !== undefined && !(expiresInSeconds > 0 && expiresInSeconds <= LONGEST_LIFE_SECONDS)) {
    throw invalid('it must expire within ten years; leave the time out for never')
  }
}

function invalid(rule: string): Refusal {
  return new Refusal('api_key_invalid', rule)
}
