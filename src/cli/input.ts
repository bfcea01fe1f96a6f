import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { Refusal } from '../refusal.ts'
import { Misuse } from './outcome.ts'

/** Far more than any password may have; a whole file that was piped in by mistake is not read to its end. */
const MAX_BYTES = 64 * 1024

/** Whether there is somebody to ask. */
export function isInteractive(): boolean {
  return process.stdin.isTTY === true
}

/**
 * The secret on stdin. On a terminal it is asked for instead, without showing what is typed.
 * @throws Misuse when there is none, or it is no text
 */
export async function readSecret(): Promise<string> {
  if (!isInteractive()) return secretFrom(await readToEnd())
  const secret = await converse(askNewPassword)
  if (secret === undefined) throw new Misuse('no password was given')
  return secret
}

/**
 * The secret in what was piped in: everything, less one line break at the end (`echo` and editors add one).
 * @throws Misuse when nothing is left, or it is no text
 */
export function secretFrom(bytes: Buffer): string {
  const text = bytes.toString('utf8')
  if (!Buffer.from(text, 'utf8').equals(bytes)) throw new Misuse('what is on stdin is not UTF-8 text')
  const secret = text.replace(/\r?\n$/, '')
  if (secret === '') throw new Misuse('there is no password on stdin')
  return secret
}

/**
 * What was piped in, to its end.
 * @throws Misuse when it is far too long
 */
export async function readToEnd(maxBytes = MAX_BYTES): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of process.stdin) {
    chunks.push(chunk)
    length += chunk.length
    if (length > maxBytes) throw new Misuse(`more than ${maxBytes} bytes on stdin: that cannot be right`)
  }
  return Buffer.concat(chunks)
}

/** Questions to the person at the terminal. All throw Refusal `cancelled` after Ctrl-C or Ctrl-D. */
export interface Conversation {
  /** An answer in the open; may be blank. */
  line(label: string): Promise<string>
  /** An answer that is not shown while it is typed; may be blank. */
  secret(label: string): Promise<string>
}

/**
 * Asks twice for a new password.
 * @returns undefined where both answers are blank
 * @throws Refusal `passwords_differ`
 */
export async function askNewPassword(conversation: Conversation): Promise<string | undefined> {
  const first = await conversation.secret('Password: ')
  const second = await conversation.secret('Password (again): ')
  if (first !== second) throw new Refusal('passwords_differ', 'the two passwords are not the same')
  return first === '' ? undefined : first
}

/** Talks with the person at the terminal. Questions go to stderr: stdout belongs to the command's answer. */
export async function converse<T>(talk: (conversation: Conversation) => Promise<T>): Promise<T> {
  let isHidden = false
  const output = new Writable({
    write(chunk, _encoding, done) {
      if (!isHidden) process.stderr.write(chunk)
      done()
    },
  })
  const terminal = createInterface({ input: process.stdin, output, terminal: true })
  // One reader for the whole conversation: what is typed ahead waits for its question.
  const lines = terminal[Symbol.asyncIterator]()
  async function next(): Promise<string> {
    const { done, value } = await lines.next()
    if (done) throw new Refusal('cancelled', 'cancelled: nothing was changed')
    return value
  }
  try {
    return await talk({
      async line(label) {
        terminal.setPrompt(label)
        terminal.prompt()
        return next()
      },
      async secret(label) {
        process.stderr.write(label)
        isHidden = true
        try {
          return await next()
        } finally {
          isHidden = false
          process.stderr.write('\n')
        }
      },
    })
  } finally {
    terminal.close()
  }
}
