import { Unavailable } from '../unavailable.ts'
import type { SymmetricKey, SymmetricPurpose } from './symmetric-key.ts'
import type { SymmetricKeys } from './symmetric-keys.ts'

/** The symmetric keys of one purpose, for what is derived from them now and then. */
export interface SymmetricKeysOnDemand {
  /** The one to derive something new with; the first is made at the first use. */
  current(): Promise<SymmetricKey>
  /** @throws Unavailable when that version cannot be opened, or is not there */
  version(version: number): Promise<SymmetricKey>
}

/**
 * The keys of a purpose, read when they are first needed: a deployment that derives nothing with them has none. A version
 * never changes, so what was read once is kept; an unknown one is looked for again.
 */
export function symmetricKeysOnDemand(
  purpose: SymmetricPurpose,
  symmetricKeys: () => Promise<Pick<SymmetricKeys, 'load' | 'ensure'>>,
): SymmetricKeysOnDemand {
  let known: readonly SymmetricKey[] = []

  async function load(): Promise<void> {
    const store = await symmetricKeys()
    let loaded = await store.load(purpose)
    if (loaded.keys.length === 0 && loaded.unopened.length === 0) {
      await store.ensure(purpose)
      loaded = await store.load(purpose)
    }
    known = loaded.keys.filter(({ activatesAt }) => activatesAt.getTime() <= loaded.now.getTime())
  }

  function found(key: SymmetricKey | undefined): SymmetricKey {
    if (key) return key
    throw new Unavailable('symmetric-keys', `${purpose}: the key cannot be opened`)
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
