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

function paragraphs(texts: readonly string[]): string {
  return `${texts.join('\n\n')}\n`
}
