import type { Command } from 'commander'
import { parseDuration } from '../config-values.ts'
import type { Row } from './answer.ts'
import { addCommand, moreLine, type Run, withPaging } from './command.ts'
import { Misuse } from './outcome.ts'
import { type Column, properties, table } from './output.ts'

const COLUMNS: readonly Column[] = [
  'id',
  'prefix',
  'name',
  'user',
  'scopes',
  ['createdAt', 'created'],
  ['expiresAt', 'expires'],
  ['revokedAt', 'revoked'],
  ['lastUsedAt', 'last used'],
]

interface CreateOptions {
  readonly name: string
  readonly user?: string
  readonly scope?: string[]
  readonly audience?: string[]
  readonly accessTokenTtl?: string
  readonly expires?: string
}

/** `keyturn api-keys …`. */
export function addApiKeyCommands(program: Command, run: Run): void {
  const apiKeys = program
    .command('api-keys')
    .description('keys for programs (Authorization: Api-Key …), to be exchanged for access tokens')

  addCommand(
    apiKeys,
    'create',
    'make an API key and show it, this once',
    'keyturn api-keys create --name "nightly report" --scope "read" --audience https://api.example.com --expires 365d',
  )
    .requiredOption('--name <name>', 'what it is for')
    .option('--user <name>', 'whom it acts for: username or e-mail address; without, nobody')
    .option('--scope <scopes...>', 'what tokens for it may carry, separated by spaces; never account')
    .option('--audience <audience...>', 'a resource that tokens for it may be for; without, the issuer')
    .option('--access-token-ttl <duration>', 'how long tokens for it live (5m)')
    .option('--expires <duration>', 'when it ends (365d); without, never')
    .action((options: CreateOptions) =>
      run(async ({ ask }) => {
        const { name, user, scope, audience } = options
        const data = await ask('api-keys.create', {
          name,
          user,
          scopes: scope?.flatMap((words) => words.split(/\s+/).filter((word) => word !== '')),
          audiences: audience,
          accessTokenTtlSeconds: seconds('--access-token-ttl', options.accessTokenTtl),
          expiresInSeconds: seconds('--expires', options.expires),
        })
        const columns: Column[] = ['id', 'key', ['expiresAt', 'expires']]
        return {
          data,
          text: `${properties(data, columns)}\nThe key is shown this once: only its digest is kept.`,
        }
      }),
    )

  withPaging(
    addCommand(
      apiKeys,
      'list',
      'list API keys by id, the revoked ones too',
      'keyturn api-keys list --user alice',
    ),
    'id',
  )
    .option('--user <name>', 'only of this user: username or e-mail address')
    .action(({ limit, after, user }: { limit: number; after?: string; user?: string }) =>
      run(async ({ ask }) => {
        const rows = await ask<Row[]>('api-keys.list', { limit, after, user })
        const shown = rows.map((row) => ({
          ...row,
          user: (row['user'] as { username?: string } | null)?.username ?? '',
          scopes: (row['scopes'] as string[]).join(' '),
        }))
        const only = user === undefined ? '' : ` --user ${user}`
        const next = `keyturn api-keys list${only} --after ${rows.at(-1)?.['id']}`
        const text = table(shown, COLUMNS, 'There are no API keys.') + moreLine(rows.length, limit, next)
        return { data: rows, text }
      }),
    )

  addCommand(
    apiKeys,
    'revoke',
    'end an API key at once and for good; tokens that were issued for it are inactive at introspection',
    'keyturn api-keys revoke ak_…',
  )
    .argument('<id>')
    .action((id: string) =>
      run(async ({ ask }) => {
        const data = await ask('api-keys.revoke', { id })
        return { data, text: `API key ${id} has ended.` }
      }),
    )
}

function seconds(flag: string, text: string | undefined): number | undefined {
  const parsed = text === undefined ? undefined : parseDuration(text)
  if (text !== undefined && parsed === undefined)
    throw new Misuse(`${flag} must be whole seconds, or a number with s, m, h or d (12h, 90d)`)
  return parsed
}
