import { type Command, InvalidArgumentError } from 'commander'
import type { ShownRow, VerifiedPart } from '../audit/administration.ts'
import { AUDIT_EVENTS } from '../audit/events.ts'
import type { Finding } from '../audit/findings.ts'
import { systemClock } from '../clock.ts'
import { Unavailable } from '../unavailable.ts'
import type { Answer, Row } from './answer.ts'
import { addCommand, pageSize, type Run } from './command.ts'
import type { Context } from './context.ts'
import { type Column, table } from './output.ts'

const COLUMNS: readonly Column[] = [
  'at',
  'event',
  'actor',
  ['userId', 'user'],
  ['clientId', 'client'],
  'address',
  'details',
]
const FINDING_COLUMNS: readonly Column[] = ['finding', 'position', 'explanation']
/** How often `--follow` asks. A row is chained, and shown, within a second of its writing. */
const FOLLOW_MS = 1000
/** Findings that are listed; beyond it they are counted. */
const MAX_LISTED = 100
/** Rows after which a long verification says how far it is. */
const PROGRESS_ROWS = 100_000

interface TailOptions {
  readonly limit: number
  readonly event?: string
  readonly user?: string
  readonly follow?: true
  readonly json?: true
}

/** `keyturn audit …`. */
export function addAuditCommands(program: Command, run: Run): void {
  const audit = program.command('audit').description('what happened, and whether the log of it is intact')

  addCommand(
    audit,
    'tail',
    'print the latest events; with --json one document a line',
    'keyturn audit tail --event login.refused --follow',
  )
    .option('--limit <number>', 'at most this many', pageSize, 20)
    .option('--event <name>', 'only this event (docs/audit.md lists them)', eventName)
    .option('--user <name>', 'only what this user did, or what was done to it: a name, an address or an id')
    .option('--follow', 'go on with each event, as soon as it is chained')
    .action((options: TailOptions) => run((context) => tail(context, options)))

  addCommand(
    audit,
    'verify',
    'find rows that were changed, removed, moved or forged; exit status 1 where there are any',
    'keyturn audit verify',
  )
    .option(
      '--expect <position:mac>',
      'the head that an earlier verification, or the log of the service, has told',
    )
    .action((options: { expect?: string }) => run(({ ask }) => verify(ask, options.expect)))
}

async function tail(context: Context, options: TailOptions): Promise<Answer | undefined> {
  const { follow, json, ...query } = options
  const rows = await context.ask<ShownRow[]>('audit.tail', query)
  show(context, rows, options, 'There are no such events.')
  if (follow) await followOn(context, options, rows)
  return undefined
}

/** Until Ctrl-C. In the order of the chain, so that a row whose transaction took long is not missed. */
async function followOn(context: Context, options: TailOptions, first: readonly ShownRow[]): Promise<void> {
  const { follow: _, json: __, ...query } = options
  let isOver = false
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      isOver = true
    })
  }
  // Rows that were shown before they were chained come once more.
  const shown = new Set(first.filter(({ position }) => position === null).map(({ id }) => id))
  let last = Math.max(0, ...first.map(({ position }) => position ?? 0))
  let isAway = false
  while (!isOver) {
    try {
      const rows = await context.ask<ShownRow[]>('audit.tail', { ...query, limit: 1000, afterPosition: last })
      last = Math.max(last, ...rows.map(({ position }) => position ?? 0))
      show(
        context,
        rows.filter(({ id }) => !shown.delete(id)),
        options,
      )
      isAway = false
      if (rows.length === 1000) continue
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error
      if (!isAway) process.stderr.write(`${error.message}: trying again\n`)
      isAway = true
    }
    await systemClock.wait(FOLLOW_MS)
  }
}

/** Without `empty` the rows go on a table that is there. */
function show(context: Context, rows: readonly ShownRow[], { json }: TailOptions, empty?: string): void {
  if (json) {
    for (const row of rows) context.print({ data: row, text: '' })
  } else if (empty !== undefined) {
    context.print({ data: rows, text: table(rows.map(asCells), COLUMNS, empty) })
  } else if (rows.length > 0) {
    const [, ...lines] = table(rows.map(asCells), COLUMNS, '').split('\n')
    context.print({ data: rows, text: lines.join('\n') })
  }
}

function asCells(row: ShownRow): Row {
  const details = Object.entries((row.details ?? {}) as Row).map(
    ([name, value]) => `${name}=${String(value)}`,
  )
  return { ...row, details: details.join(' ') }
}

async function verify(ask: Context['ask'], expect: string | undefined): Promise<Answer> {
  let part = await ask<VerifiedPart>('audit.verify', { expect })
  const listed: Finding[] = [...part.findings]
  let rows = 0
  let count = part.findings.length
  while (part.next !== undefined) {
    const before = Math.floor(rows / PROGRESS_ROWS)
    part = await ask<VerifiedPart>('audit.verify', { next: part.next })
    rows += part.rows
    count += part.findings.length
    listed.push(...part.findings.slice(0, MAX_LISTED - listed.length))
    if (Math.floor(rows / PROGRESS_ROWS) > before) {
      process.stderr.write(`${rows} rows verified, at position ${part.position} of ${part.end}\n`)
    }
  }
  const isIntact = count === 0
  const text = isIntact
    ? `The audit log is as it was written: ${rows} rows. Its head, to note elsewhere and to expect next time:\n${part.head}`
    : `${table(listed.map(explained), FINDING_COLUMNS, '')}${listed.length < count ? `\n… and ${count - listed.length} more` : ''}\nThe audit log is not as it was written: see docs/audit.md. ${rows} rows, head ${part.head}`
  return {
    data: { isIntact, rows, head: part.head, findings: listed, findingsTotal: count },
    text,
    isBadNews: !isIntact,
  }
}

function explained(finding: Finding): Row {
  return { ...finding, explanation: explain(finding) }
}

function explain(finding: Finding): string {
  switch (finding.finding) {
    case 'changed':
      return `${named(finding.row)} is not as it was chained`
    case 'reordered':
      return `${named(finding.row)} was chained at position ${finding.was}`
    case 'inserted':
      return `${named(finding.row)} was never chained here`
    case 'missing':
      return finding.position === finding.until
        ? 'the row is gone'
        : `all rows up to ${finding.until} are gone`
    case 'cut':
      return finding.noted === 'head'
        ? 'the last row is not the one that the head names'
        : 'the row is not the expected one: the log was cut, replaced or restored'
    case 'unchained':
      return `${finding.rows} rows wait to be chained, the first is ${named(finding.row)}: does a node run?`
  }
}

function named({ id, at, event }: { id: string; at: string; event: string }): string {
  return `${event} of ${at}Z (id ${id})`
}

function eventName(text: string): string {
  if ((AUDIT_EVENTS as readonly string[]).includes(text)) return text
  throw new InvalidArgumentError('There is no such event: docs/audit.md lists them.')
}
