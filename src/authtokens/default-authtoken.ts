import { randomBytes } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { digestSecret } from '../crypto/secret.ts'
import type { SymmetricKeysOnDemand } from '../keys/symmetric-keys-on-demand.ts'
import { Unavailable } from '../unavailable.ts'
import { deriveAuthtoken } from './authtoken.ts'
import type { Authtokens, DefaultAuthtokenState } from './authtokens.ts'

/** Nobody ends a user's authtokens more often than this between two of our statements. */
const ATTEMPTS = 3

/** What the default key of a user is worked out with. */
export interface DefaultAuthtokenParts {
  readonly authtokens: Authtokens
  readonly keys: SymmetricKeysOnDemand
  readonly clock: Clock
}

/**
 * The default key of a user: the same every time, until the user's authtokens are ended.
 * @param login with which password the user has signed in; one that was changed meanwhile is the wrong one
 * @returns undefined where the user is gone or disabled, or the password was changed
 * @throws Unavailable
 */
export type ShowDefaultAuthtoken = (
  userId: string,
  actor: string,
  login?: { readonly passwordChangedAt: Date | null },
) => Promise<string | undefined>

/** Makes what shows the default key of a user and remembers, the first time, that it has. */
export function showDefaultAuthtoken({
  authtokens,
  keys,
  clock,
}: DefaultAuthtokenParts): ShowDefaultAuthtoken {
  return async (userId, actor, login) => {
    for (let left = ATTEMPTS; left > 0; left--) {
      const state = await authtokens.defaultOf(userId)
      if (!state?.userIsActive || (login && !isPasswordOf(login, state))) return undefined
      const isKnown = state.keyVersion !== undefined
      const { key, version: keyVersion } =
        state.keyVersion === undefined ? await keys.current() : await keys.version(state.keyVersion)
      const { version } = state
      const shown = deriveAuthtoken(key, userId, version)
      if (isKnown) return shown
      const token = { ...newDefault(userId, shown, clock), version, keyVersion }
      if ((await authtokens.addDefaults([token], actor)).length > 0) return shown
    }
    throw new Unavailable('postgres', 'the authtokens of the user were ended again and again')
  }
}

/** The row of a default key, but for the versions. */
export function newDefault(userId: string, key: string, clock: Clock) {
  return { id: makeAuthtokenId(), userId, digest: digestSecret(key), createdAt: clock.now() }
}

/** A letter first: nothing that an operator puts on a command line may look like an option. */
export function makeAuthtokenId(): string {
  return `at_${randomBytes(10).toString('hex')}`
}

function isPasswordOf(login: { passwordChangedAt: Date | null }, state: DefaultAuthtokenState): boolean {
  return login.passwordChangedAt?.getTime() === state.passwordChangedAt?.getTime()
}
