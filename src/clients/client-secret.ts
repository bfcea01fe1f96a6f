import { isWellFormedSecret, makeSecret } from '../crypto/secret.ts'

/** Keyturn client secret: what a person, or a scanner that finds one in a repository, recognises it by. */
const PREFIX = 'ktcs'

/** A new client secret: 256 random bits. Shown once; only its digest is stored. */
export function makeClientSecret(): string {
  return makeSecret(PREFIX)
}

/** Whether a presented secret is whole. One that is not cannot be anybody's. */
export function isClientSecret(presented: string): boolean {
  return isWellFormedSecret(PREFIX, presented)
}
