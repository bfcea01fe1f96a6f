/** Why a mail is sent. */
export type MailPurpose = 'password_reset' | 'verify_email' | 'account_exists'

/** A mail, ready to go. */
export interface Mail {
  /** An address that `mailableAddress` let through. */
  readonly to: string
  readonly subject: string
  readonly text: string
}

/**
 * What became of handing a mail to the server: `failed` may be tried again, `rejected` need not.
 * `reason` is for log and audit: the server's number, or what kind of failure it was; no address, no text.
 */
export type SendOutcome =
  | { readonly outcome: 'sent' }
  | { readonly outcome: 'failed' | 'rejected'; readonly reason: string }

/** Hands a mail to the server that sends it on. Does not throw. */
export type SendMail = (mail: Mail) => Promise<SendOutcome>
