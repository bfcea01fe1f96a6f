/**
 * Every Redis key is named here, from bytes of fixed length only: nothing a request says goes into a key as it is.
 * docs/storage.md describes each.
 */
export const keyNames = {
  /** Where a refresh family stands: a hash. One key a family, so that it works in a cluster. */
  refreshFamily: (id: Buffer): string => `rt:${id.toString('base64url')}`,
  /** When a limit will have come back. */
  rateLimit: (mac: Buffer): string => `rl:${mac.toString('base64url')}`,
} as const
