import type { Clock } from '../clock.ts'
import { type LinkPurpose, makeLinkToken } from '../links/link.ts'
import type { Links } from '../links/links.ts'
import { saysNoPassword } from '../passwords/all-formats.ts'
import { normalizeIdentifier } from '../users/identifier.ts'
import type { Users, UserWithPassword } from '../users/users.ts'
import { mailableAddress } from './address.ts'
import type { Delivery, PreparedMail, PrepareMail } from './delivery.ts'
import { fillFrontEndUrl } from './front-end-url.ts'
import type { Mail, MailPurpose } from './mail.ts'
import { accountExistsMessage, passwordResetMessage, verifyEmailMessage } from './messages.ts'
import type { Outbox } from './outbox.ts'

/** What the mails to users are made with. */
export interface AccountMailParts {
  readonly users: Pick<Users, 'findByIdentifier'>
  readonly links: Links
  /** What users know us as. */
  readonly site: string
  /** The pages of the front end that links lead to; without one there is no such mail. */
  readonly passwordResetUrl: string | undefined
  readonly verifyEmailUrl: string | undefined
  readonly clock: Clock
}

/**
 * Asks for a mail to an address. Takes the same time whether anybody has it, and tells nobody: the rest is done after the
 * answer.
 */
export type RequestMail = (purpose: MailPurpose, address: string) => Promise<void>

/** Makes what asks for mails. */
export function makeRequestMail(parts: { outbox: Outbox; delivery: Delivery; clock: Clock }): RequestMail {
  const { outbox, delivery, clock } = parts
  return async (purpose, address) => {
    await outbox.add({ purpose, recipient: normalizeIdentifier(address), now: clock.now() })
    void delivery.run()
  }
}

/**
 * Makes what finds whom a mail is for and writes it. It goes to the address that the user has, not to what was typed, which may
 * only look like it.
 */
export function prepareAccountMails(parts: AccountMailParts): PrepareMail {
  const { users, links, site, clock } = parts

  /** A link for the user, or undefined where there may be none. */
  async function link(purpose: LinkPurpose, userId: string, email: string) {
    const { token, digest } = makeLinkToken()
    if (!(await links.add({ purpose, digest, userId, email }, clock.now()))) return undefined
    return { token, undo: () => links.remove(digest) }
  }

  async function passwordReset(holder: Holder): Promise<PreparedMail | undefined> {
    const { user, to, email } = holder
    if (parts.passwordResetUrl === undefined) return undefined
    // As in Django: who signs in elsewhere gets no password here by the back door.
    if (saysNoPassword(holder.passwordHash ?? '!')) return undefined
    const made = await link('password_reset', user.id, email)
    if (!made) return undefined
    const url = fillFrontEndUrl(parts.passwordResetUrl, { uid: uidOf(user.id), token: made.token })
    const message = passwordResetMessage({ site, username: user.username, link: url })
    return prepared(user.id, { to, ...message }, made.undo)
  }

  async function verifyEmail({
    user,
    to,
    email,
    emailVerifiedAt,
  }: Holder): Promise<PreparedMail | undefined> {
    if (parts.verifyEmailUrl === undefined || emailVerifiedAt !== null) return undefined
    const made = await link('verify_email', user.id, email)
    if (!made) return undefined
    const url = fillFrontEndUrl(parts.verifyEmailUrl, { key: made.token })
    const message = verifyEmailMessage({ site, username: user.username, link: url })
    return prepared(user.id, { to, ...message }, made.undo)
  }

  async function accountExists({ user, to, email }: Holder): Promise<PreparedMail | undefined> {
    const made = await link('account_exists', user.id, email)
    const message = accountExistsMessage({ site, username: user.username })
    return made && prepared(user.id, { to, ...message }, made.undo)
  }

  const write = {
    password_reset: passwordReset,
    verify_email: verifyEmail,
    account_exists: accountExists,
  } satisfies Record<MailPurpose, (holder: Holder) => Promise<PreparedMail | undefined>>

  return async (purpose, recipient) => {
    const holder = holderOf(await users.findByIdentifier(recipient), recipient)
    return holder && write[purpose](holder)
  }
}

/** A user who can be written to. */
interface Holder extends UserWithPassword {
  readonly email: string
  readonly to: string
}

/** Who has an address as an address: a username that looks like it is none. */
function holderOf(found: UserWithPassword | undefined, recipient: string): Holder | undefined {
  const email = found?.user.email ?? ''
  const to = mailableAddress(email)
  if (!found?.user.isActive || to === undefined || normalizeIdentifier(email) !== recipient) return undefined
  return { ...found, email, to }
}

function prepared(userId: string, mail: Mail, undo: () => Promise<void>): PreparedMail {
  return { userId, mail, undo }
}

/** `uid` of Django's links: the id in base64url. */
function uidOf(userId: string): string {
  return Buffer.from(userId).toString('base64url')
}
