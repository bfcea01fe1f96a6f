import type { LinkPurpose } from './link.ts'

/** A link as it is presented: what it is for, and the digest of its token. */
export interface PresentedLink {
  readonly purpose: LinkPurpose
  readonly digest: Uint8Array
}

/**
 * Links that were sent by mail. Each is good once, for ten minutes, for one purpose, and only as long as its user is
 * active, has the address that it went to, and has the password that there was then.
 */
export interface Links {
  /**
   * Keeps a new one.
   * @returns false when the user may have no more of them for now, is disabled, or has another address
   */
  add(link: PresentedLink & { readonly userId: string; readonly email: string }, now: Date): Promise<boolean>
  /** Whose link it is, if it is good; it stays as it is. */
  find(link: PresentedLink, now: Date): Promise<{ readonly userId: string } | undefined>
  /** Takes back one whose mail was not sent. */
  remove(digest: Uint8Array): Promise<void>
}
