import { type Command, InvalidArgumentError } from 'commander'
import type { Answer } from './answer.ts'
import type { Context } from './context.ts'

/** How a command is run: it is given what it works with, and what it returns is printed. */
export type Run = (work: (context: Context) => Promise<Answer | undefined>) => Promise<void>

const MAX_PAGE = 10_000

/**
 * Adds one command. Each takes `--json` and shows an example in its help.
 * @param name with its arguments: `show <name>`
 */
export function addCommand(parent: Command, name: string, description: string, example: string): Command {
  return parent
    .command(name)
    .description(description)
    .option('--json', 'print one JSON document on stdout, also for an error')
    .addHelpText('after', `\nExample:\n  $ ${example}`)
}

/** Gives a command that lists something the two flags with which one turns pages. */
export function withPaging(command: Command, what: string): Command {
  return command
    .option('--limit <number>', 'at most this many', pageSize, 100)
    .option(`--after <${what}>`, `go on after this one`)
}

/** A number of rows, for `--limit`. */
export function pageSize(text: string): number {
  const size = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (size < 1 || size > MAX_PAGE)
    throw new InvalidArgumentError(`It must be a number from 1 to ${MAX_PAGE}.`)
  return size
}

/** The line below a list that may go on. */
export function moreLine(shown: number, limit: number, command: string): string {
  return shown < limit ? '' : `\nThere may be more: ${command}`
}
