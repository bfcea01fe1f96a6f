import { writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { Refusal } from '../refusal.ts'
import type { Answer, Row } from './answer.ts'
import { addCommand, type Run } from './command.ts'
import { addImportCommand } from './import-key.ts'
import { type Column, table } from './output.ts'

import { addRevokeCommand } from './revoke-key.ts'
import { addSealingCommands } from './sealing.ts'

const KEY_COLUMNS: readonly Column[] = [
  'kid',
  'algorithm',
  'phase',
  ['publishedAt', 'published'],
  ['activatesAt', 'activates'],
  ['retiresAt', 'retires'],
  ['revokedAt', 'revoked'],
  ['tokensUntil', 'tokens until'],
]
const NO_KEYS = 'There are no signing keys yet: the first start makes them.'
const OUTCOMES: Readonly<Record<string, string>> = {
  activated: 'signs from now on',
  scheduled: 'will sign from',
  introduced: 'is published, the first of its algorithm, and will sign from',
  already_scheduled: 'was to sign already from',
}

/** `keyturn keys …`. */
export function addKeyCommands(program: Command, run: Run): void {
  const keys = program
    .command('keys')
    .description('the keys that tokens are signed with, and the one that seals them')

  addSealingCommands(keys, run)

  addCommand(keys, 'list', 'list the signing keys', 'keyturn keys list').action(() =>
    run(async ({ ask }) => {
      const rows = await ask<Row[]>('keys.list', {})
      return { data: rows, text: table(rows, KEY_COLUMNS, NO_KEYS) }
    }),
  )

  addCommand(keys, 'plan', 'print when each key does what', 'keyturn keys plan --svg plan.svg')
    .option('--svg <file>', 'draw it as a picture into this file instead; - for stdout')
    .action((options: { svg?: string }) =>
      run(async ({ ask }) => {
        if (options.svg !== undefined) return drawPlan(await ask<string>('keys.draw', {}), options.svg)
        const rows = await ask<Row[]>('keys.plan', {})
        const shown = rows.map((row) => ({ ...row, event: String(row['event']).replaceAll('_', ' ') }))
        return {
          data: rows,
          text: table(shown, ['at', 'event', 'kid', 'algorithm', ['isPast', 'past']], NO_KEYS),
        }
      }),
    )

  addCommand(
    keys,
    'rotate',
    'have the next key of each algorithm take over as soon as every verifier knows it',
    'keyturn keys rotate --algorithm ES256',
  )
    .option(
      '--algorithm <alg>',
      'of this one alone; publishes its first key where it has none (ES256, EdDSA)',
    )
    .option('--now', 'insist on this moment; refused where a verifier may not know the key yet')
    .action((options: { now?: true; algorithm?: string }) =>
      run(async ({ ask }) => {
        const reports = await ask<Row[]>('keys.rotate', {
          now: options.now ?? false,
          algorithm: options.algorithm,
        })
        return { data: reports, text: reports.map(reportLines).join('\n') }
      }),
    )

  addRevokeCommand(keys, run)
  addImportCommand(keys, run)
}

async function drawPlan(picture: string, path: string): Promise<Answer> {
  if (path === '-') return { data: { svg: picture }, text: picture.trimEnd() }
  await writeFile(path, picture).catch((error: { code?: string }) => {
    throw new Refusal('file_unwritable', `${path} cannot be written (${error.code})`)
  })
  return { data: { path }, text: `Drew ${path}.` }
}

function reportLines(report: Row): string {
  const { outcome, algorithm, kid, activatesAt, retiringKid, retiringRemovesAt } = report
  const when = outcome === 'activated' ? '' : ` ${activatesAt}`
  const first = `${algorithm} ${kid} ${OUTCOMES[String(outcome)] ?? outcome}${when}.`
  if (retiringKid === null) return first
  return `${first}\n${algorithm} ${retiringKid} stays published for verifiers until ${retiringRemovesAt}.`
}
