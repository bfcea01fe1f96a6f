import type { Command } from 'commander'
import { authenticatorRows } from '../http/authenticators/list.ts'
import { addCommand, type Run } from './command.ts'
import { type Column, table } from './output.ts'

const COLUMNS: readonly Column[] = [
  'order',
  'scheme',
  'header',
  'takes',
  'challenge',
  ['isOn', 'on'],
  'setting',
]

/** `keyturn authenticators`. */
export function addAuthenticatorsCommand(program: Command, run: Run): void {
  addCommand(
    program,
    'authenticators',
    'what the Django-shaped endpoints that need a user take, in the order in which it is tried',
    'keyturn authenticators',
  ).action(() =>
    run(async ({ config }) => {
      const rows = authenticatorRows(config).map((row, at) => ({ order: at + 1, ...row }))
      return { data: rows, text: table(rows, COLUMNS, '') }
    }),
  )
}
