import type { Command } from 'commander'
import { readSuperuser } from '../config.ts'
import { addCommand, type Run } from './command.ts'
import { askNewPassword, converse, isInteractive } from './input.ts'
import { Misuse } from './outcome.ts'
import { created } from './users.ts'

interface Options {
  readonly username?: string
  readonly email?: string
  readonly noinput?: true
  /** False for `--no-input`. */
  readonly input: boolean
}

interface Superuser {
  readonly username: string
  readonly email: string | undefined
  readonly password: string | undefined
}

/** `keyturn createsuperuser`: Django's habit, with Django's names. */
export function addSuperuserCommand(program: Command, run: Run): void {
  addCommand(
    program,
    'createsuperuser',
    'make a superuser, as Django does: asks, or takes DJANGO_SUPERUSER_USERNAME, …_EMAIL, …_PASSWORD',
    'DJANGO_SUPERUSER_USERNAME=root DJANGO_SUPERUSER_PASSWORD=… keyturn createsuperuser --noinput',
  )
    .option('--username <name>', 'username')
    .option('--email <address>', 'e-mail address')
    .option('--noinput', 'ask nothing, take what is missing from the environment')
    .option('--no-input', 'the same')
    .action((options: Options) =>
      run(async ({ ask }) => {
        const asksNothing = options.noinput === true || !options.input
        const wanted = asksNothing ? fromEnvironment(options, readSuperuser()) : await fromTerminal(options)
        const user = await ask('users.create', { ...wanted, isSuperuser: true, isStaff: true })
        return created(user, wanted.password)
      }),
    )
}

function fromEnvironment(
  options: Options,
  environment: { [Name in keyof Superuser]: string | undefined },
): Superuser {
  const username = options.username ?? environment.username
  if (!username) throw new Misuse('no username: set DJANGO_SUPERUSER_USERNAME or use --username')
  return {
    username,
    email: options.email ?? environment.email,
    password: environment.password || undefined,
  }
}

async function fromTerminal(options: Options): Promise<Superuser> {
  if (!isInteractive()) {
    throw new Misuse('stdin is no terminal: use --noinput with DJANGO_SUPERUSER_USERNAME and …_PASSWORD')
  }
  return converse(async (conversation) => {
    const username = options.username ?? (await conversation.line('Username: '))
    const email = options.email ?? (await conversation.line('Email address: '))
    return { username, email, password: await askNewPassword(conversation) }
  })
}
