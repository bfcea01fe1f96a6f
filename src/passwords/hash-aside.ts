import type { Hasher } from './hasher.ts'

/**
 * A hasher whose callers leave their place among the requests being served: hashes have a queue of their own, and those who
 * wait in it are in nobody's way.
 */
export function hashAside(hasher: Hasher, stepAside: () => void): Hasher {
  return {
    ...hasher,
    hash(password) {
      stepAside()
      return hasher.hash(password)
    },
    verify(password, stored, noteStart) {
      stepAside()
      return hasher.verify(password, stored, noteStart)
    },
  }
}
