import type { Command } from 'commander'
import type { Row } from './answer.ts'
import { type ClientOptions, readClientOptions, withClientOptions } from './client-options.ts'
import { addCommand, moreLine, type Run, withPaging } from './command.ts'
import { Misuse } from './outcome.ts'
import { type Column, properties, table } from './output.ts'

const COLUMNS: readonly Column[] = [
  'clientId',
  'name',
  'type',
  'grants',
  'scopes',
  ['accessTokenAlg', 'alg'],
  ['disabledAt', 'disabled'],
]
const DETAILS: readonly Column[] = [
  'clientId',
  'name',
  'type',
  'grants',
  'scopes',
  'audiences',
  ['redirectUris', 'redirect uris'],
  ['allowedOrigins', 'allowed origins'],
  ['latePolicy', 'late policy'],
  ['accessTokenAlg', 'alg'],
  ['accessTokenTtlSeconds', 'access token, seconds'],
  ['refreshIdleTtlSeconds', 'unused refresh token, seconds'],
  ['refreshAbsoluteTtlSeconds', 'session, seconds'],
  ['unrememberedTtlSeconds', 'session without remember_me, seconds'],
  ['createdAt', 'created'],
  ['disabledAt', 'disabled'],
]
const SHOWN_ONCE = 'The secret is shown this once: only its digest is kept.'
const CREATE_EXAMPLE = `keyturn clients create --name Reports --grant client_credentials --scope "read write" \\
      --audience https://api.example.com`

interface CreateOptions extends ClientOptions {
  readonly public?: true
  readonly native?: true
  readonly firstParty?: true
  readonly grant?: string[]
}

/** `keyturn clients …`. */
export function addClientCommands(program: Command, run: Run): void {
  const clients = program.command('clients').description('programs that ask for tokens or check them')

  withClientOptions(
    addCommand(clients, 'create', 'make a client; without --grant it is a resource server', CREATE_EXAMPLE)
      .requiredOption('--name <name>', 'what people call it')
      .option('--public', 'it can keep no secret: a browser or an installed app')
      .option('--native', 'an installed app')
      .option('--first-party', 'ours: it may have the password grant')
      .option('--grant <grant...>', 'a grant it may use; may be repeated'),
  ).action((options: CreateOptions) =>
    run(async ({ ask }) => {
      const given = Object.entries(readClientOptions(options)).filter(([, value]) => value !== null)
      const client = await ask('clients.create', {
        ...Object.fromEntries(given),
        isPublic: options.public,
        isNative: options.native,
        isFirstParty: options.firstParty,
        grants: options.grant,
      })
      return { data: client, text: credentials(client) }
    }),
  )

  withClientOptions(
    addCommand(
      clients,
      'update',
      'change what a client may do; lists are replaced ("" empties one), default takes back a lifetime of its own',
      'keyturn clients update django --allowed-origin https://app.example.com --access-token-ttl 5m',
    )
      .argument('<client-id>')
      .option('--name <name>', 'what people call it'),
  ).action((id: string, options: ClientOptions) =>
    run(async ({ ask }) => {
      const changes = readClientOptions(options)
      if (Object.values(changes).every((value) => value === undefined)) {
        throw new Misuse('say what to change: keyturn clients update --help lists it')
      }
      const client = await ask('clients.update', { id, changes })
      return { data: client, text: `${client['clientId']} is changed.\n${properties(client, DETAILS)}` }
    }),
  )

  addCommand(clients, 'show', 'show all that is said of a client', 'keyturn clients show django')
    .argument('<client-id>')
    .action((id: string) =>
      run(async ({ ask }) => {
        const client = await ask('clients.show', { id })
        return { data: client, text: properties(client, DETAILS) }
      }),
    )

  withPaging(
    addCommand(clients, 'list', 'list clients by id', 'keyturn clients list --json'),
    'client-id',
  ).action((options: { limit: number; after?: string }) =>
    run(async ({ ask }) => {
      const rows = await ask<Row[]>('clients.list', { limit: options.limit, after: options.after })
      const more = moreLine(
        rows.length,
        options.limit,
        `keyturn clients list --after ${rows.at(-1)?.['clientId']}`,
      )
      return { data: rows, text: table(rows, COLUMNS, 'There are no clients.') + more }
    }),
  )

  addCommand(
    clients,
    'rotate-secret',
    'make a new secret; the present one works for another day, and only then can it be done again',
    'keyturn clients rotate-secret client_…',
  )
    .argument('<client-id>')
    .option('--end-earlier', 'do it within that day, too: the oldest secret ends now')
    .action((id: string, { endEarlier: endsEarlier }: { endEarlier?: true }) =>
      run(async ({ ask }) => {
        const client = await ask('clients.rotate-secret', { id, endsEarlier })
        return { data: client, text: credentials(client) }
      }),
    )

  for (const [verb, description, outcome] of [
    ['disable', 'refuse a client everything and end its sessions', 'is disabled and its sessions have ended'],
    ['enable', 'let a disabled client ask again', 'may ask for tokens again'],
  ] as const) {
    addCommand(clients, verb, description, `keyturn clients ${verb} client_…`)
      .argument('<client-id>')
      .action((id: string) =>
        run(async ({ ask }) => {
          const client = await ask(`clients.${verb}`, { id })
          return { data: client, text: `${client['clientId']} ${outcome}.` }
        }),
      )
  }
}

/** The id of a client and its new secret, where it has one. */
function credentials(client: Row): string {
  if (client['clientSecret'] === undefined) return properties(client, ['clientId'])
  const until: Column[] =
    client['earlierSecretEndsAt'] === undefined ? [] : [['earlierSecretEndsAt', 'earlier secret ends']]
  return `${properties(client, ['clientId', 'clientSecret', ...until])}\n${SHOWN_ONCE}`
}
