import type { SymmetricKey } from '../keys/symmetric-key.ts'
import type { SymmetricKeys } from '../keys/symmetric-keys.ts'
import { Unavailable } from '../unavailable.ts'

/** The symmetric keys that default authtokens are derived with. */
export interface AuthtokenKeys {
  /** The one to derive a new key with; the first is made at the first use. */
  current(): Promise<SymmetricKey>
  /** @throws Unavailable when that version cannot be opened, or is not there */
  version(version: number): Promise<SymmetricKey>
}

/**
 * The authtoken keys, read when they are first needed: a deployment that gives out no authtokens has none. A version
 * never changes, so what was read once is kept; an unknown one is looked for again.
 */
export function authtokenKeys(
  symmetricKeys: () => Promise<Pick<SymmetricKeys, 'load' | 'ensure'>>,
): AuthtokenKeys {
  let known: readonly SymmetricKey[] = []

  async function load(): Promise<void> {
    const store = await symmetricKeys()
    let loaded = await store.load('authtoken')
    if (loaded.keys.length === 0 && loaded.unopened.length === 0) {
      await store.ensure('authtoken')
      loaded = await store.load('authtoken')
    }
    known = loaded.keys.filter(({ activatesAt }) => activatesAt.getTime() <= loaded.now.getTime())
  }

  function found(key: SymmetricKey | undefined): SymmetricKey {
    if (key) return key
    throw new Unavailable('symmetric-keys', 'authtoken: the key cannot be opened')
  }

  return {
    async current() {
      if (known.length === 0) await load()
      return found(known.at(-1))
    },
    async version(version) {
      const isVersion = (key: SymmetricKey) => key.version === version
      if (!known.some(isVersion)) await load()
      return found(known.find(isVersion))
    },
  }
}
