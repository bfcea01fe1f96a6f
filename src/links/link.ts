import { randomBytes } from 'node:crypto'
import { digestSecret } from '../crypto/secret.ts'

/**
 * What a link lets its bearer do. Of `account_exists` nobody gets the token: it is kept so that there are no more mails of
 * that kind than of the others.
 */
export type LinkPurpose = 'password_reset' | 'verify_email' | 'account_exists'

/** Mail is read within minutes, or the link is asked for again; a mailbox that is looked through later holds nothing. */
export const LINK_TTL_SECONDS = 600

const TOKEN_BYTES = 32
const TOKEN = /^[A-Za-z0-9_-]{43}$/

/** A new token for a link: 256 random bits, and what is stored of it. */
export function makeLinkToken(): { readonly token: string; readonly digest: Buffer } {
  const token = randomBytes(TOKEN_BYTES).toString('base64url')
  return { token, digest: digestSecret(token) }
}

/** What is stored of a token that somebody presents; undefined where it can be none of ours. */
export function digestOfLinkToken(token: string): Buffer | undefined {
  return TOKEN.test(token) ? digestSecret(token) : undefined
}
