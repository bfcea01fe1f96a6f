import { type Command, Option } from 'commander'
import { parseDuration } from '../config-values.ts'
import type { Answer, Row } from './answer.ts'
import { addCommand, moreLine, type Run, withPaging } from './command.ts'
import type { Context } from './context.ts'
import { Misuse } from './outcome.ts'
import { type Column, properties, table } from './output.ts'

const COLUMNS: readonly Column[] = [
  'id',
  ['username', 'user'],
  'kind',
  'name',
  ['createdAt', 'created'],
  ['expiresAt', 'expires'],
  ['lastUsedAt', 'last used'],
]
const SHOWN_ONCE = 'The token is shown this once: only its digest is kept.'
/** Users in one transaction: a run that is cut off has said nearly everything that it has done. */
const AT_ONCE = 500

interface CreateOptions {
  readonly user?: string
  readonly name?: string
  readonly expires?: string
  readonly allUsers?: true
  readonly format?: 'csv' | 'ndjson'
  readonly json?: true
}

/** `keyturn authtokens …`. */
export function addAuthtokenCommands(program: Command, run: Run): void {
  const authtokens = program
    .command('authtokens')
    .description('opaque keys of users, as Django REST Framework has them (Authorization: Token …)')

  addCommand(
    authtokens,
    'create',
    'show the default token of a user, make a further one with --name, or give all users who have none theirs',
    'keyturn authtokens create --user alice --name backup --expires 90d',
  )
    .option('--user <name>', 'whose: username or e-mail address')
    .option('--name <name>', 'a further token of this name; without, the one that a login shows')
    .option('--expires <duration>', 'when a further token ends (30d); without, never')
    .addOption(
      new Option('--all-users', 'of all active users who have none; may be repeated').conflicts('user'),
    )
    .addOption(
      new Option('--format <format>', 'with --all-users, how to print them').choices(['csv', 'ndjson']),
    )
    .action((options: CreateOptions) =>
      run((context) => (options.allUsers ? createForAll(context, options) : createOne(context, options))),
    )

  withPaging(
    addCommand(authtokens, 'list', 'list authtokens by id', 'keyturn authtokens list --user alice'),
    'id',
  )
    .option('--user <name>', 'only of this user: username or e-mail address')
    .action(({ limit, after, user }: { limit: number; after?: string; user?: string }) =>
      run(async ({ ask }) => {
        const rows = await ask<Row[]>('authtokens.list', { limit, after, user })
        const only = user === undefined ? '' : ` --user ${user}`
        const next = `keyturn authtokens list${only} --after ${rows.at(-1)?.['id']}`
        const text = table(rows, COLUMNS, 'There are no authtokens.') + moreLine(rows.length, limit, next)
        return { data: rows, text }
      }),
    )

  addCommand(
    authtokens,
    'revoke',
    'end an authtoken at once; after the default one the next login shows another',
    'keyturn authtokens revoke at_…',
  )
    .argument('<id>')
    .action((id: string) =>
      run(async ({ ask }) => {
        const data = await ask('authtokens.revoke', { id })
        return { data, text: `Authtoken ${id} has ended.` }
      }),
    )
}

async function createOne({ ask }: Context, options: CreateOptions): Promise<Answer> {
  const { user, name, expires, format } = options
  if (user === undefined) throw new Misuse('give --user, or --all-users')
  if (format !== undefined) throw new Misuse('--format goes with --all-users')
  if (name === undefined) {
    if (expires !== undefined) throw new Misuse('only a token with a --name expires')
    const data = await ask('authtokens.show-default', { user })
    return { data, text: properties(data, [['username', 'user'], 'token']) }
  }
  const expiresInSeconds = expires === undefined ? undefined : parseDuration(expires)
  if (expires !== undefined && expiresInSeconds === undefined)
    throw new Misuse('--expires must be whole seconds, or a number with s, m, h or d (12h, 90d)')
  const data = await ask('authtokens.create', { user, name, expiresInSeconds })
  const columns: Column[] = [['username', 'user'], 'id', 'token', ['expiresAt', 'expires']]
  return { data, text: `${properties(data, columns)}\n${SHOWN_ONCE}` }
}

/**
 * Prints as it goes: each token once. A second run prints those of users who have come since; a token that a cut-off run
 * has not shown is shown by the user's login, and by `create --user`.
 */
async function createForAll({ ask, print }: Context, options: CreateOptions): Promise<Answer | undefined> {
  const { name, expires, json } = options
  if (name !== undefined || expires !== undefined)
    throw new Misuse('--all-users gives default tokens: they have no name and do not expire')
  const format = options.format ?? (json ? 'ndjson' : 'csv')
  if (json && format === 'csv') throw new Misuse('--json and --format csv contradict each other')
  let hasHeading = format === 'ndjson'
  let count = 0
  for (let after: string | undefined, isFirst = true; isFirst || after !== undefined; isFirst = false) {
    const { created, next } = await ask<{ created: Row[]; next?: string }>('authtokens.create-missing', {
      limit: AT_ONCE,
      after,
    })
    if (!hasHeading) print({ data: null, text: 'user_id,username,token' })
    hasHeading = true
    for (const { userId, username, key } of created) {
      const data = { userId, username, token: key }
      const text =
        format === 'csv'
          ? Object.values(data).map(csvCell).join(',')
          : JSON.stringify({
              user_id: userId,
              username,
              token: key,
            })
      print({ data, text })
    }
    count += created.length
    process.stderr.write(`${count} ${count === 1 ? 'token' : 'tokens'} made\n`)
    after = next
  }
  return undefined
}

/** RFC 4180. */
function csvCell(value: unknown): string {
  const text = String(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
