import { type Command, Option } from 'commander'
import type { Answer, Row } from './answer.ts'
import { addCommand, moreLine, type Run, withPaging } from './command.ts'
import { Misuse } from './outcome.ts'
import { type Column, table } from './output.ts'

const COLUMNS: readonly Column[] = [
  'id',
  ['username', 'user'],
  'device',
  'address',
  ['clientId', 'client'],
  ['signedInAt', 'signed in'],
  ['lastSeenAt', 'last seen'],
  'state',
]
/** A time of no zone would be another moment on another machine. */
const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/

interface ListOptions {
  readonly limit: number
  readonly after?: string
  readonly user?: string
  readonly client?: string
}

interface EndAllOptions {
  readonly user?: string
  readonly client?: string
  readonly issuedBefore?: string
}

/** `keyturn sessions …`. */
export function addSessionCommands(program: Command, run: Run): void {
  const sessions = program.command('sessions').description('logins: who is signed in, where, and until when')

  withPaging(
    addCommand(
      sessions,
      'list',
      'list sessions, the latest first; those of the last seven days that are over, too',
      'keyturn sessions list --user alice',
    ),
    'session-id',
  )
    .option('--user <name>', 'only of this user: username or e-mail address')
    .addOption(new Option('--client <client-id>', 'only of this client').conflicts('user'))
    .action((options: ListOptions) =>
      run(async ({ ask }) => {
        const { limit, after, user, client } = options
        const rows = await ask<Row[]>('sessions.list', { limit, after, user, client })
        const only = [
          user === undefined ? '' : ` --user ${user}`,
          client === undefined ? '' : ` --client ${client}`,
        ]
        const more = moreLine(
          rows.length,
          limit,
          `keyturn sessions list${only.join('')} --after ${rows.at(-1)?.['id']}`,
        )
        return { data: rows, text: table(rows.map(described), COLUMNS, 'There are no sessions.') + more }
      }),
    )

  addCommand(sessions, 'end', 'end a session: its tokens are refused at once', 'keyturn sessions end s_…')
    .argument('<session-id>')
    .action((id: string) =>
      run(async ({ ask }) => {
        const data = await ask('sessions.end', { id })
        return { data, text: `Session ${id} ${data['ended'] ? 'has ended' : 'had ended already'}.` }
      }),
    )

  addCommand(
    sessions,
    'end-all',
    'end all sessions of a user, of a client, or of everybody from before a moment (after a restore)',
    'keyturn sessions end-all --user alice',
  )
    .option('--user <name>', 'of this user: username or e-mail address')
    .option('--client <client-id>', 'begun with this client')
    .option('--issued-before <time>', 'begun before this moment: 2026-11-22T10:00:00Z')
    .action((options: EndAllOptions) =>
      run(async ({ ask }) => ended(await ask('sessions.end-all', only(options)))),
    )
}

/** @throws Misuse unless there is exactly one flag, and a moment that is one */
function only({ user, client, issuedBefore }: EndAllOptions): EndAllOptions {
  const given = [user, client, issuedBefore].filter((flag) => flag !== undefined)
  if (given.length !== 1) throw new Misuse('give exactly one of --user, --client and --issued-before')
  if (issuedBefore === undefined)
    return { ...(user !== undefined && { user }), ...(client !== undefined && { client }) }
  if (!isMoment(issuedBefore))
    throw new Misuse('--issued-before must be a date and time with its zone: 2026-11-22T10:00:00Z')
  return { issuedBefore: new Date(issuedBefore).toISOString() }
}

/** `Date` takes 30 February for 2 March. */
function isMoment(text: string): boolean {
  if (!MOMENT.test(text) || Number.isNaN(Date.parse(text))) return false
  const day = text.slice(0, 10)
  return new Date(`${day}T00:00:00Z`).toISOString().startsWith(day)
}

/** For people, why it is over stands beside the state. */
function described(session: Row): Row {
  const { state, endReason } = session
  return endReason === null ? session : { ...session, state: `${state} (${endReason})` }
}

function ended(data: Row): Answer {
  const { username, clientId, ended: count } = data
  if (username !== undefined)
    return {
      data,
      text: `${username} is signed out everywhere: ${count} live ${count === 1 ? 'session' : 'sessions'} ended.`,
    }
  if (clientId !== undefined) return { data, text: `Every session that ${clientId} had begun has ended.` }
  return { data, text: `Every session from before ${data['issuedBefore']} has ended.` }
}
