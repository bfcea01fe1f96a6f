import type { Command } from 'commander'
import type { Row } from './answer.ts'
import { addCommand, moreLine, type Run, withPaging } from './command.ts'
import { type Column, properties, table } from './output.ts'

const COLUMNS: readonly Column[] = [
  'id',
  'url',
  'events',
  ['lastDeliveredAt', 'last delivered'],
  'attempts',
  ['lastError', 'last error'],
  ['disabledAt', 'disabled'],
]
const FAILURES: readonly Column[] = [
  'id',
  ['eventId', 'event id'],
  'event',
  'reason',
  ['failedAt', 'given up'],
]

/** `keyturn webhooks …`. */
export function addWebhookCommands(program: Command, run: Run): void {
  const webhooks = program
    .command('webhooks')
    .description('programs that are told of what happens, by signed requests')

  addCommand(
    webhooks,
    'create',
    'tell a URL of events from now on (docs/audit.md lists them; session.* and * are several)',
    'keyturn webhooks create https://hooks.example.com/keyturn --event user.created --event "session.*"',
  )
    .argument('<url>')
    .requiredOption('--event <event...>', 'what it is told of; may be repeated')
    .action((url: string, { event: events }: { event: string[] }) =>
      run(async ({ ask }) => {
        const data = await ask('webhooks.create', { url, events })
        const once = 'The secret is shown this once. Requests are signed with it: docs/webhooks.md.'
        return { data, text: `${properties(data, ['id', 'secret'])}\n${once}` }
      }),
    )

  withPaging(addCommand(webhooks, 'list', 'list webhooks by id', 'keyturn webhooks list'), 'id').action(
    ({ limit, after }: { limit: number; after?: string }) =>
      run(async ({ ask }) => {
        const rows = await ask<Row[]>('webhooks.list', { limit, after })
        const more = moreLine(rows.length, limit, `keyturn webhooks list --after ${rows.at(-1)?.['id']}`)
        return { data: rows, text: table(rows, COLUMNS, 'There are no webhooks.') + more }
      }),
  )

  addCommand(webhooks, 'delete', 'tell a webhook nothing any more', 'keyturn webhooks delete wh_…')
    .argument('<id>')
    .action((id: string) =>
      run(async ({ ask }) => {
        const data = await ask('webhooks.delete', { id })
        return { data, text: `Webhook ${id} is told nothing any more.` }
      }),
    )

  addCommand(webhooks, 'test', 'send an event of the type webhook.test, now', 'keyturn webhooks test wh_…')
    .argument('<id>')
    .action((id: string) =>
      run(async ({ ask }) => {
        const data = await ask('webhooks.test', { id })
        const isDelivered = data['outcome'] === 'delivered'
        const text = isDelivered ? 'It took it.' : `It did not take it: ${data['reason']}.`
        return { data, text, isBadNews: !isDelivered }
      }),
    )

  withPaging(
    addCommand(
      webhooks,
      'failures',
      'list what a webhook did not take in a day, and was given up',
      'keyturn webhooks failures wh_…',
    ).argument('<id>'),
    'id',
  ).action((id: string, { limit, after }: { limit: number; after?: string }) =>
    run(async ({ ask }) => {
      const rows = await ask<Row[]>('webhooks.failures', { id, limit, after })
      const more = moreLine(
        rows.length,
        limit,
        `keyturn webhooks failures ${id} --after ${rows.at(-1)?.['id']}`,
      )
      return { data: rows, text: table(rows, FAILURES, 'Nothing was given up.') + more }
    }),
  )

  addCommand(webhooks, 'retry', 'send again what was given up', 'keyturn webhooks retry wh_…')
    .argument('<id>')
    .action((id: string) =>
      run(async ({ ask }) => {
        const data = await ask('webhooks.retry', { id })
        return { data, text: `${data['retried']} are sent again, by the next node that looks.` }
      }),
    )
}
