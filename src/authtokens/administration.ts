import { addSeconds } from '../clock.ts'
import { digestSecret } from '../crypto/secret.ts'
import { Refusal } from '../refusal.ts'
import { type Authtoken, deriveAuthtoken, makeAuthtoken } from './authtoken.ts'
import type { ImportedAuthtoken } from './authtokens.ts'
import {
  type DefaultAuthtokenParts,
  makeAuthtokenId,
  newDefault,
  showDefaultAuthtoken,
} from './default-authtoken.ts'

const LONGEST_NAME = 100
/** Longer is a mistake, or a key that does not expire. */
const LONGEST_LIFE_SECONDS = 10 * 366 * 86_400

/** A user and the key that the user now has. */
export interface ShownAuthtoken {
  readonly userId: string
  readonly username: string
  readonly key: string
}

/**
 * What an operator may do with authtokens; the command line and the administration API are two thin doors to it. Each
 * change is audited in its own transaction. `user` is a username or an e-mail address.
 * All throw Refusal with what to do about it.
 */
export function authtokenAdministration({
  findUserId,
  ...parts
}: DefaultAuthtokenParts & { findUserId: (name: string) => Promise<string | undefined> }) {
  const { authtokens, keys, clock } = parts
  const showDefault = showDefaultAuthtoken(parts)

  async function requiredUser(name: string): Promise<string> {
    const id = await findUserId(name)
    if (id !== undefined) return id
    throw new Refusal('user_unknown', `there is no user ${JSON.stringify(name)}: see keyturn users list`)
  }

  return {
    /** Shows the default key of a user, which is the one that a login shows. */
    async showDefault(user: string, actor: string): Promise<string> {
      const key = await showDefault(await requiredUser(user), actor)
      if (key !== undefined) return key
      throw new Refusal('user_disabled', `${JSON.stringify(user)} is disabled: see keyturn users enable`)
    },

    /** Makes a further key, random, shown this once. */
    async createNamed(
      user: string,
      { name, expiresInSeconds }: { name: string; expiresInSeconds?: number | undefined },
      actor: string,
    ): Promise<{ id: string; key: string; expiresAt: Date | null }> {
      checkName(name)
      checkLife(expiresInSeconds)
      const userId = await requiredUser(user)
      const [id, key, createdAt] = [makeAuthtokenId(), makeAuthtoken(), clock.now()]
      const expiresAt = expiresInSeconds === undefined ? null : addSeconds(createdAt, expiresInSeconds)
      const outcome = await authtokens.addNamed(
        { id, userId, name, digest: digestSecret(key), createdAt, expiresAt },
        { event: 'authtoken.created', actor, userId, details: { id, kind: 'named' } },
      )
      if (outcome === 'added') return { id, key, expiresAt }
      if (outcome === 'unknown') await requiredUser(user)
      throw outcome === 'too_many'
        ? new Refusal('authtokens_too_many', 'the user has a hundred already: revoke one that nobody uses')
        : new Refusal('authtoken_exists', 'the user has one of that name: revoke it, or take another name')
    },

    /** Gives their default key to up to `limit` active users who have none. Whoever has one is left out. */
    async createMissing(
      limit: number,
      after: string | undefined,
      actor: string,
    ): Promise<{ created: ShownAuthtoken[]; next: string | undefined }> {
      const users = await authtokens.usersWithoutDefault(limit, after)
      const { key, version: keyVersion } = await keys.current()
      const rows = users.map(({ userId, username, version }) => {
        const shown = deriveAuthtoken(key, userId, version)
        return { ...newDefault(userId, shown, clock), version, keyVersion, username, key: shown }
      })
      const added = rows.length === 0 ? [] : await authtokens.addDefaults(rows, actor)
      const created = rows
        .filter(({ id }) => added.includes(id))
        .map(({ userId, username, key }) => ({ userId, username, key }))
      return { created, next: users.length < limit ? undefined : users.at(-1)?.userId }
    },

    /** Takes keys of an earlier system, by their digests; those of unknown users are left out. @returns how many were new */
    async importKeys(tokens: readonly ImportedAuthtoken[], actor: string): Promise<number> {
      return authtokens.addImported(tokens, actor)
    },

    async list(user: string | undefined, limit: number, after?: string): Promise<Authtoken[]> {
      const userId = user === undefined ? undefined : await requiredUser(user)
      return authtokens.list({ userId }, limit, after)
    },

    /** Ends one. Where it was the default one, the next login shows another. */
    async revoke(id: string, actor: string): Promise<void> {
      if (await authtokens.revoke(id, actor)) return
      throw new Refusal(
        'authtoken_unknown',
        `there is no authtoken ${JSON.stringify(id)}: see keyturn authtokens list`,
      )
    },
  }
}

/** What an operator may do with authtokens. */
export type AuthtokenAdministration = ReturnType<typeof authtokenAdministration>

function checkName(name: string): void {
  if (name.length > 0 && name.length <= LONGEST_NAME && !/\p{C}/u.test(name)) return
  throw new Refusal(
    'authtoken_invalid',
    `a name has 1 to ${LONGEST_NAME} characters, none of them a control character`,
  )
}

function checkLife(seconds: number | undefined): void {
  if (seconds === undefined || (seconds > 0 && seconds <= LONGEST_LIFE_SECONDS)) return
  throw new Refusal('authtoken_invalid', 'it must expire within ten years; leave the time out for never')
}
