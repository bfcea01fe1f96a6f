import type { Command } from 'commander'
import type { Answer, Row } from './answer.ts'
import { addCommand, moreLine, type Run, withPaging } from './command.ts'
import { addUserImportCommand } from './import-users.ts'
import { askNewPassword, converse, isInteractive, readSecret } from './input.ts'
import { Misuse } from './outcome.ts'
import { type Column, properties, table } from './output.ts'

const COLUMNS: readonly Column[] = [
  'username',
  'email',
  ['isActive', 'active'],
  ['isStaff', 'staff'],
  ['isSuperuser', 'superuser'],
  ['joinedAt', 'joined'],
]
const DETAILS: readonly Column[] = ['id', ...COLUMNS, ['lastLoginAt', 'last login'], 'extra']
const NAME = 'username or e-mail address'

/** `keyturn users …`. */
export function addUserCommands(program: Command, run: Run): void {
  const users = program.command('users').description('people who can sign in')

  addCommand(users, 'create', 'make a user', 'keyturn users create alice --email alice@example.com')
    .argument('<name>', 'username')
    .option('--email <address>', 'e-mail address')
    .option('--password-stdin', 'read the password from stdin')
    .option('--superuser', 'may do everything; staff, too')
    .option('--staff', 'may enter the administration')
    .action((username: string, options: CreateOptions) =>
      run(async ({ ask }) => {
        const password = await newPassword(options)
        const { email, superuser: isSuperuser } = options
        const isStaff = options.staff ?? isSuperuser
        return created(
          await ask('users.create', { username, email, password, isSuperuser, isStaff }),
          password,
        )
      }),
    )

  addUserImportCommand(users, run)

  withPaging(
    addCommand(users, 'list', 'list users by username', 'keyturn users list --limit 20'),
    'username',
  ).action((options: { limit: number; after?: string }) =>
    run(async ({ ask }) => {
      const rows = await ask<Row[]>('users.list', { limit: options.limit, after: options.after })
      const more = moreLine(
        rows.length,
        options.limit,
        `keyturn users list --after ${rows.at(-1)?.['username']}`,
      )
      return { data: rows, text: table(rows, COLUMNS, 'There are no users.') + more }
    }),
  )

  addCommand(users, 'show', 'show a user', 'keyturn users show alice')
    .argument('<name>', NAME)
    .action((name: string) =>
      run(async ({ ask }) => {
        const user = await ask('users.show', { name })
        const hint = `\nWhere the user is signed in: keyturn sessions list --user ${user['username']}`
        return { data: user, text: properties(user, DETAILS) + hint }
      }),
    )

  addCommand(
    users,
    'set-password',
    'set a password; signs the user out everywhere',
    'keyturn users set-password alice --password-stdin < password.txt',
  )
    .argument('<name>', NAME)
    .option('--password-stdin', 'read the password from stdin')
    .action((name: string, options: { passwordStdin?: true }) =>
      run(async ({ ask }) => {
        const password = await newPassword(options)
        if (password === undefined) throw new Misuse('no password was given: use --password-stdin')
        return changed(
          await ask('users.set-password', { name, password }),
          'has a new password and is signed out',
        )
      }),
    )

  for (const [verb, description, outcome] of [
    ['disable', 'sign a user out everywhere and refuse every login', 'is disabled and signed out everywhere'],
    ['enable', 'let a disabled user sign in again', 'may sign in again'],
    ['verify-email', 'count an e-mail address as verified, without a link', 'has a verified e-mail address'],
    ['delete', 'remove a user with everything of theirs', 'is deleted'],
  ] as const) {
    addCommand(users, verb, description, `keyturn users ${verb} alice`)
      .argument('<name>', NAME)
      .action((name: string) =>
        run(async ({ ask }) => changed(await ask(`users.${verb}`, { name }), outcome)),
      )
  }
}

interface CreateOptions {
  readonly email?: string
  readonly passwordStdin?: true
  readonly superuser?: true
  readonly staff?: true
}

/** From stdin where that is asked for, else from whoever is at the terminal, else none. */
async function newPassword({ passwordStdin }: { passwordStdin?: true }): Promise<string | undefined> {
  if (passwordStdin) return readSecret()
  return isInteractive() ? converse(askNewPassword) : undefined
}

/** What to say of a new user. */
export function created(user: Row, password: string | undefined): Answer {
  const { username } = user
  const hint =
    password === undefined
      ? `\nThe user has no password and cannot sign in until one is set: keyturn users set-password ${username}`
      : ''
  const token =
    user['authtoken'] === undefined ? '' : `\nIts authtoken, shown at each login, too: ${user['authtoken']}`
  return {
    data: user,
    text: `Created ${user['isSuperuser'] ? 'superuser' : 'user'} ${username} (${user['id']}).${token}${hint}`,
  }
}

function changed(user: Row, outcome: string): Answer {
  return { data: user, text: `${user['username']} ${outcome}.` }
}
