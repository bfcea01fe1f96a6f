import { writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { apiKeyRow, authtokenRow, type Unusable } from '../django/credential-rows.ts'
import { API_KEY_MODEL, AUTHTOKEN_MODEL, type DjangoRecord, type UserModel } from '../django/record.ts'
import { userRow } from '../django/user-row.ts'
import { type DjangoSource, openDjangoSource } from '../django-source.ts'
import type { OperationName } from '../operations.ts'
import type { RowReport } from '../users/import.ts'
import type { Answer } from './answer.ts'
import { batches } from './batches.ts'
import { addCommand, type Run } from './command.ts'
import type { Context } from './context.ts'
import { table, toJson } from './output.ts'

/** Refused records shown to people; all are in the report. */
const SHOWN = 50

interface Options {
  readonly dryRun?: true
  readonly allowLegacyHashes?: true
  readonly userModel: string
  readonly userTable?: string
  readonly usernameField: string
  readonly report?: string
}

/** A record that was not taken, and why. */
type Refused = Readonly<Record<'model' | 'record' | 'error' | 'message', string>>

/** What became of all records of a model. */
interface Count {
  readonly found: number
  readonly added: number
  readonly present: number
  readonly refused: number
}

/** `keyturn import django`. */
export function addImportCommand(program: Command, run: Run): void {
  const imports = program.command('import').description('bring a whole project along from another system')
  addCommand(
    imports,
    'django <source>',
    'users, authtokens and API keys of a Django project: postgres://… of its database, or a file of manage.py dumpdata',
    'keyturn import django postgres://django@localhost/project --dry-run',
  )
    .option('--dry-run', 'say what would become of each record, and change nothing')
    .option(
      '--allow-legacy-hashes',
      'take MD5 and SHA-1 hashes over as well; each is replaced at its first login',
    )
    .option('--user-model <app.model>', 'AUTH_USER_MODEL', 'auth.user')
    .option('--user-table <table>', 'its table, where it is not app_model')
    .option('--username-field <field>', 'USERNAME_FIELD', 'username')
    .option('--report <file>', 'write every record that was not taken there, a JSON object a line')
    .action((source: string, options: Options) => run((context) => importDjango(context, source, options)))
}

async function importDjango({ ask }: Context, source: string, options: Options): Promise<Answer> {
  const model = options.userModel.toLowerCase()
  const userModel: UserModel = { model, usernameField: options.usernameField }
  const opened = await openDjangoSource(source, options.userTable ?? model.replaceAll('.', '_'))
  const refused: Refused[] = []
  try {
    const taken = new Set<string>()
    const users = await importUsers(ask, opened, userModel, options, taken, refused)
    const isDryRun = options.dryRun ?? false
    const keys = { ask, source: opened, isDryRun, refused }
    const authtokens = await importKeys(keys, AUTHTOKEN_MODEL, 'authtokens.import', (record) => {
      const row = authtokenRow(record)
      return 'problem' in row || taken.has(row.userId) ? row : { problem: 'its user was not taken' }
    })
    const apiKeys = await importKeys(keys, API_KEY_MODEL, 'api-keys.import', apiKeyRow)
    const leftOut = opened.countOthers([model, AUTHTOKEN_MODEL, API_KEY_MODEL])
    if (options.report !== undefined)
      await writeFile(options.report, refused.map((one) => `${toJson(one)}\n`).join(''))
    return answerOf({ users, authtokens, apiKeys }, leftOut, refused, isDryRun)
  } finally {
    await opened.close()
  }
}

async function importUsers(
  ask: Context['ask'],
  source: DjangoSource,
  userModel: UserModel,
  options: Options,
  taken: Set<string>,
  refused: Refused[],
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
    })
    for (const [at, report] of reports.entries()) {
      count[report.outcome] += 1
      const id = String(batch[at]?.fields['id'])
      if (report.outcome !== 'refused') taken.add(id)
      else {
        const { error, message, username } = report
        refused.push({ model: userModel.model, record: `${id} ${username}`, error, message })
      }
    }
    count.found += batch.length
    progress(userModel.model, count.found)
  }
  return count
}

async function importKeys<Row extends object>(
  parts: { ask: Context['ask']; source: DjangoSource; isDryRun: boolean; refused: Refused[] },
  model: string,
  operation: OperationName,
  toRow: (record: DjangoRecord) => Row | Unusable,
): Promise<Count> {
  const count = { found: 0, added: 0, present: 0, refused: 0 }
  for await (const batch of batches(mapped(parts.source, model, toRow))) {
    const usable: Row[] = []
    for (const [at, row] of batch.entries()) {
      if (!('problem' in row)) usable.push(row)
      // Neither a key nor a hash is shown: the place in the export says which one it is.
      else
        parts.refused.push({
          model,
          record: `${count.found + at + 1}`,
          error: 'key_unusable',
          message: row.problem,
        })
    }
    const added =
      parts.isDryRun || usable.length === 0 ? 0 : await parts.ask<number>(operation, { rows: usable })
    count.added += parts.isDryRun ? usable.length : added
    count.present += parts.isDryRun ? 0 : usable.length - added
    count.refused += batch.length - usable.length
    count.found += batch.length
    progress(model, count.found)
  }
  return count
}

async function* mapped<Row>(
  source: DjangoSource,
  model: string,
  toRow: (record: DjangoRecord, at: number) => Row,
): AsyncGenerator<Row> {
  let at = 0
  for await (const record of source.recordsOf(model)) yield toRow(record, ++at)
}

function progress(model: string, count: number): void {
  process.stderr.write(`${model}: ${count}\n`)
}

function answerOf(
  counts: Record<'users' | 'authtokens' | 'apiKeys', Count>,
  leftOut: Readonly<Record<string, number>>,
  refused: readonly Refused[],
  isDryRun: boolean,
): Answer {
  const rows = Object.entries(counts).map(([what, count]) => ({
    what: what === 'apiKeys' ? 'API keys' : what,
    ...count,
  }))
  const others = Object.entries(leftOut).map(([model, count]) => `${count} of ${model}`)
  const text = [
    ...(isDryRun ? ['Nothing was changed: this is what an import would do.'] : []),
    table(rows, ['what', 'found', 'added', 'present', 'refused'], ''),
    ...(others.length > 0 ? [`Left out, since there is no place for them here: ${others.join(', ')}.`] : []),
    ...(refused.length > 0
      ? [table(refused.slice(0, SHOWN), ['model', 'record', 'error', 'message'], '')]
      : []),
    ...(refused.length > SHOWN ? [`… and ${refused.length - SHOWN} more: --report writes them all.`] : []),
  ].join('\n')
  return { data: { isDryRun, ...counts, leftOut, refused }, text, isBadNews: refused.length > 0 }
}
