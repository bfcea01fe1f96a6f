import type { Command } from 'commander'
import type { Row } from './answer.ts'
import { addCommand, type Run } from './command.ts'
import { isInteractive, readSecret } from './input.ts'
import { Misuse } from './outcome.ts'
import { type Column, properties, table } from './output.ts'

const SESSION: readonly Column[] = [
  'id',
  ['username', 'user'],
  ['clientId', 'client'],
  ['userAgent', 'user agent'],
  'address',
  ['authenticationMethods', 'signed in by'],
  ['signedInAt', 'signed in'],
  ['lastSeenAt', 'last seen'],
  'state',
  ['endReason', 'end reason'],
]
const FAMILIES: readonly Column[] = [
  'id',
  ['clientId', 'client'],
  ['generation', 'live'],
  ['predecessor', 'from'],
  ['rotatedAt', 'since'],
  ['lateUsed', 'late retry used'],
  ['idleExpiresAt', 'idle until'],
  ['absoluteExpiresAt', 'ends'],
  ['endedAt', 'ended'],
  ['endReason', 'why'],
]
const EVENTS: readonly Column[] = ['at', 'event', 'actor', 'address', ['requestId', 'request'], 'details']

/** `keyturn explain`. */
export function addExplainCommand(program: Command, run: Run): void {
  addCommand(
    program,
    'explain',
    'say what a token, session or family is worth now, which rule decides that, and what led there',
    'keyturn explain - < token.txt',
  )
    .argument(
      '<token-or-id>',
      'a refresh or access token, or the sid or fid of one; - reads it from stdin, where other users of the machine cannot see it',
    )
    .action((text: string) =>
      run(async ({ ask }) => {
        const explained = await ask('explain', { text: text === '-' ? await fromStdin() : text })
        return { data: explained, text: tell(explained) }
      }),
    )
}

async function fromStdin(): Promise<string> {
  if (isInteractive()) throw new Misuse('nothing on stdin: keyturn explain - < token.txt')
  return readSecret()
}

function tell(explained: Row): string {
  const { kind, outcome, because, token, session, families, events, note } = explained
  const parts = [`This ${String(kind).replace('_', ' ')}: ${outcome}\n${because}`]
  if (token) parts.push(`TOKEN\n${properties(token as Row, Object.keys(token))}`)
  if (session) parts.push(`SESSION\n${properties(session as Row, SESSION)}`)
  if (session) parts.push(`FAMILIES\n${table(families as Row[], FAMILIES, 'None: it could not refresh.')}`)
  if (session) parts.push(`EVENTS\n${table(events as Row[], EVENTS, String(note ?? 'None.'))}`)
  return parts.join('\n\n')
}
