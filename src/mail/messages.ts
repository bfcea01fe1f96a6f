import type { Mail } from './mail.ts'

/** What a message is written with. */
export interface MessageParts {
  /** What users know us as: the host of the issuer. */
  readonly site: string
  readonly username: string
}

type Message = Pick<Mail, 'subject' | 'text'>

/** The mail with the link to set a new password. */
export function passwordResetMessage({ site, username, link }: MessageParts & { link: string }): Message {
  return {
    subject: `Reset your password on ${site}`,
    text: paragraphs([
      `Hello ${username},`,
      `somebody, most likely you, asked for a new password for your account on ${site}. You can set it within ten minutes:`,
      link,
      'The link works once. If it was not you, ignore this message: your password stays as it is.',
    ]),
  }
}

/** The mail with the link that verifies an address. */
export function verifyEmailMessage({ site, username, link }: MessageParts & { link: string }): Message {
  return {
    subject: `Verify your e-mail address for ${site}`,
    text: paragraphs([
      `Hello ${username},`,
      `this address was given for an account on ${site}. If that was you, open this link within ten minutes:`,
      link,
      'If it was not you, ignore this message.',
    ]),
  }
}

/** The mail to who has an account already, when somebody registers with the address. */
export function accountExistsMessage({ site, username }: MessageParts): Message {
  return {
    subject: `Your account on ${site}`,
    text: paragraphs([
      `Hello ${username},`,
      `somebody, perhaps you, has tried to register on ${site} with this address. You have an account already: sign in with it, or ask for a new password if you have forgotten yours.`,
      'If it was not you, ignore this message: nothing has changed.',
    ]),
  }
}

function paragraphs(texts: readonly string[]): string {
  return `${texts.join('\n\n')}\n`
}
