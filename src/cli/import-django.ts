import { writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { apiKeyRow, authtokenRow } from '../django/credential-rows.ts'
import {
  API_KEY_MODEL,
  AUTHTOKEN_MODEL,
  BLACKLISTED_MODEL,
  OUTSTANDING_MODEL,
  type UserModel,
} from '../django/record.ts'
import { userRow } from '../django/user-row.ts'
import { type DjangoSource, openDjangoSource } from '../django-source.ts'
import type { RowReport } from '../users/import.ts'
import type { Answer } from './answer.ts'
import { batches } from './batches.ts'
import { addCommand, type Run } from './command.ts'
import type { Context } from './context.ts'
import { type Count, importAnswer, type Refused } from './import-django-answer.ts'
import { importKeys, mapped, progress } from './import-django-keys.ts'
import { importSettings } from './import-django-settings.ts'
import {
  importRefreshTokens,
  type OldKeyOptions,
  readOldKey,
  withOldKeyOptions,
} from './import-django-tokens.ts'
import { toJson } from './output.ts'

interface Options extends OldKeyOptions {
  readonly dryRun?: true
  readonly allowLegacyHashes?: true
  readonly userModel: string
  readonly userTable?: string
  readonly usernameField: string
  readonly report?: string
  readonly dropDuplicateEmails?: true
  readonly settings?: string
}

/** `keyturn import django`. */
export function addImportCommand(program: Command, run: Run): void {
  const imports = program.command('import').description('bring a whole project along from another system')
  withOldKeyOptions(
    addCommand(
      imports,
      'django <source>',
      'users, authtokens and API keys of a Django project: postgres://… of its database, or a file of manage.py dumpdata',
      'keyturn import django postgres://django@localhost/project --dry-run',
    ),
  )
    .option('--dry-run', 'say what would become of each record, and change nothing')
    .option(
      '--allow-legacy-hashes',
      'take MD5 and SHA-1 hashes over as well; each is replaced at its first login',
    )
    .option('--drop-duplicate-emails', 'take a user whose e-mail address somebody else has, without it')
    .option('--settings <file>', 'SIMPLE_JWT as JSON: its lifetimes, audience … for the client django')
    .option('--user-model <app.model>', 'AUTH_USER_MODEL', 'auth.user')
    .option('--user-table <table>', 'its table, where it is not app_model')
    .option('--username-field <field>', 'USERNAME_FIELD', 'username')
    .option('--report <file>', 'write every record that was not taken there, a JSON object a line')
    .action((source: string, options: Options) => run((context) => importDjango(context, source, options)))
}

async function importDjango(context: Context, source: string, options: Options): Promise<Answer> {
  const { ask } = context
  const isDryRun = options.dryRun ?? false
  const model = options.userModel.toLowerCase()
  const userModel: UserModel = { model, usernameField: options.usernameField }
  const oldKey = await readOldKey(options)
  // A key that is no good is no reason to stop half-way.
  if (oldKey) await ask('old-tokens.accept', { ...oldKey, isDryRun: true })
  const opened = await openDjangoSource(source, options.userTable ?? model.replaceAll('.', '_'))
  const refused: Refused[] = []
  const emailsDropped: Refused[] = []
  try {
    const settings =
      options.settings === undefined ? [] : await importSettings(context, options.settings, isDryRun)
    const taken = new Set<string>()
    const notes = { taken, refused, emailsDropped }
    const users = await importUsers(ask, opened, userModel, options, notes)
    const keys = { ask, source: opened, isDryRun, refused }
    const authtokens = await importKeys(keys, AUTHTOKEN_MODEL, 'authtokens.import', (record) => {
      const row = authtokenRow(record)
      return 'problem' in row || taken.has(row.userId) ? row : { problem: 'its user was not taken' }
    })
    const apiKeys = await importKeys(keys, API_KEY_MODEL, 'api-keys.import', apiKeyRow)
    const refreshTokens = oldKey && (await importRefreshTokens(keys, taken, oldKey))
    const others = [API_KEY_MODEL, ...(refreshTokens ? [OUTSTANDING_MODEL, BLACKLISTED_MODEL] : [])]
    const leftOut = opened.countOthers([model, AUTHTOKEN_MODEL, ...others])
    if (options.report !== undefined) {
      const lines = [...refused, ...emailsDropped].map((one) => `${toJson(one)}\n`)
      await writeFile(options.report, lines.join(''))
    }
    const counts = { users, authtokens, apiKeys, ...(refreshTokens && { refreshTokens }) }
    return importAnswer({ isDryRun, counts, leftOut, refused, emailsDropped, settings })
  } finally {
    await opened.close()
  }
}

async function importUsers(
  ask: Context['ask'],
  source: DjangoSource,
  userModel: UserModel,
  options: Options,
  { taken, refused, emailsDropped }: { taken: Set<string>; refused: Refused[]; emailsDropped: Refused[] },
): Promise<Count> {
  const rows = mapped(source, userModel.model, (record, at) => ({
    line: at,
    fields: userRow(record, userModel),
  }))
  const count = { found: 0, added: 0, present: 0, refused: 0 }
  for await (const batch of batches(rows)) {
    const reports = await ask<RowReport[]>('users.import', {
      rows: batch,
      isLegacyAllowed: options.allowLegacyHashes ?? false,
      isDryRun: options.dryRun ?? false,
      dropsDuplicateEmails: options.dropDuplicateEmails ?? false,
    })
    for (const [at, report] of reports.entries()) {
      count[report.outcome] += 1
      const id = String(batch[at]?.fields['id'])
      const record = `${id} ${report.username}`
      if (report.outcome === 'refused') {
        const { error, message } = report
        refused.push({ model: userModel.model, record, error, message })
        continue
      }
      taken.add(id)
      if (report.outcome === 'added' && report.droppedEmail !== undefined) {
        const message = `without ${report.droppedEmail}, which somebody else has`
        emailsDropped.push({ model: userModel.model, record, error: 'email_dropped', message })
      }
    }
    count.found += batch.length
    progress(userModel.model, count.found)
  }
  return count
}
