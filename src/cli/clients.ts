import { type Command, Option } from 'commander'
import { parseDuration } from '../config-values.ts'
import type { Row } from './answer.ts'
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
const SHOWN_ONCE = 'The secret is shown this once: only its digest is kept.'
const CREATE_EXAMPLE = `keyturn clients create --name Reports --grant client_credentials --scope "read write" \\
      --audience https://api.example.com`

interface CreateOptions {
  readonly name: string
  readonly public?: true
  readonly native?: true
  readonly firstParty?: true
  readonly grant?: string[]
  readonly scope?: string[]
  readonly audience?: string[]
  readonly redirectUri?: string[]
  readonly latePolicy?: string
  readonly accessTokenAlg?: string
  readonly accessTokenTtl?: string
  readonly refreshIdleTtl?: string
  readonly refreshAbsoluteTtl?: string
}

/** `keyturn clients …`. */
export function addClientCommands(program: Command, run: Run): void {
  const clients = program.command('clients').description('programs that ask for tokens or check them')

  addCommand(clients, 'create', 'make a client; without --grant it is a resource server', CREATE_EXAMPLE)
    .requiredOption('--name <name>', 'what people call it')
    .option('--public', 'it can keep no secret: a browser or an installed app')
    .option('--native', 'an installed app')
    .option('--first-party', 'ours: it may have the password grant')
    .option('--grant <grant...>', 'a grant it may use; may be repeated')
    .option('--scope <scopes...>', 'scopes it may ask for, separated by spaces; may be repeated')
    .option('--audience <audience...>', 'a resource its tokens may be for; may be repeated')
    .option('--redirect-uri <uri...>', 'where the user may be sent back to; may be repeated')
    .option('--access-token-alg <alg>', 'sign its access tokens with another algorithm (ES256, EdDSA)')
    .option('--access-token-ttl <duration>', 'its own lifetime of access tokens (600, 10m)')
    .option('--refresh-idle-ttl <duration>', 'its own limit for unused refresh tokens (14d)')
    .option('--refresh-absolute-ttl <duration>', 'its own limit for a whole session (90d)')
    .addOption(
      new Option('--late-policy <policy>', 'what a spent refresh token means after the retry window').choices(
        ['supersede', 'revoke'],
      ),
    )
    .action((options: CreateOptions) =>
      run(async ({ ask }) => {
        const seconds = (flag: string, text: string | undefined) => {
          if (text === undefined) return undefined
          const duration = parseDuration(text)
          if (duration !== undefined) return duration
          throw new Misuse(`--${flag} must be whole seconds, or a number with s, m, h or d (600, 10m, 1.5h)`)
        }
        const client = await ask('clients.create', {
          name: options.name,
          isPublic: options.public,
          isNative: options.native,
          isFirstParty: options.firstParty,
          grants: options.grant,
          scopes: options.scope?.flatMap((scopes) => scopes.split(/\s+/).filter((scope) => scope !== '')),
          audiences: options.audience,
          redirectUris: options.redirectUri,
          latePolicy: options.latePolicy,
          accessTokenAlg: options.accessTokenAlg,
          accessTokenTtlSeconds: seconds('access-token-ttl', options.accessTokenTtl),
          refreshIdleTtlSeconds: seconds('refresh-idle-ttl', options.refreshIdleTtl),
          refreshAbsoluteTtlSeconds: seconds('refresh-absolute-ttl', options.refreshAbsoluteTtl),
        })
        return { data: client, text: credentials(client) }
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
