import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import type { Answer } from './answer.ts'
import { addApiKeyCommands } from './api-keys.ts'
import { addAuditCommands } from './audit.ts'
import { addAuthenticatorsCommand } from './authenticators.ts'
import { addAuthtokenCommands } from './authtokens.ts'
import { addClientCommands } from './clients.ts'
import type { Run } from './command.ts'
import { withContext } from './context.ts'
import { addDoctorCommand } from './doctor.ts'
import { addExplainCommand } from './explain.ts'
import { addImportCommand } from './import-django.ts'
import { addKeyCommands } from './keys.ts'
import { addMigrateCommand } from './migrate.ts'
import { EXIT_DONE, EXIT_REFUSED, type Failure, failureOf } from './outcome.ts'
import { toJson } from './output.ts'
import { addServeCommand } from './serve.ts'
import { addSessionCommands } from './sessions.ts'
import { addSuperuserCommand } from './superuser.ts'
import { addUserCommands } from './users.ts'
import { addWebhookCommands } from './webhooks.ts'

const NOTES = `
Settings are KEYTURN_… variables: see docs/configuration.md.
Secrets are read from stdin, never from an argument. Nothing is asked where stdin is no terminal.
With --json, stdout is one JSON document; an error is {"error": code, "message": text} there, and its
message is on stderr as well.
Exit status: 0 done, 1 refused, 2 misuse of the command line, 78 mistakes in the configuration.`

/**
 * Runs one command line.
 * @param args without the program's name
 * @returns the exit status
 */
export async function runCli(args: readonly string[]): Promise<number> {
  const isJson = args.includes('--json')
  let exitCode = EXIT_DONE

  function print(answer: Answer): void {
    process.stdout.write(`${isJson ? toJson(answer.data) : answer.text}\n`)
    if (answer.isBadNews) exitCode = EXIT_REFUSED
  }

  try {
    const program = makeProgram(async (work) => {
      const answer = await withContext(print, work)
      if (answer !== undefined) print(answer)
    })
    await program.parseAsync(args, { from: 'user' })
  } catch (error) {
    const failure = failureOf(error)
    if (failure !== undefined) {
      report(failure, error, isJson)
      exitCode = failure.exitCode
    }
  }
  return exitCode
}

/** Every command there is. */
export function makeProgram(run: Run): Command {
  const program = new Command('keyturn')
    .description('a standalone OAuth token service')
    .version(version(), '--version', 'print the version')
    .addHelpText('after', NOTES)
    .exitOverride()
    .configureOutput({ outputError: () => {} }) // `report` says it
  addServeCommand(program, run)
  addMigrateCommand(program, run)
  addDoctorCommand(program, run)
  addUserCommands(program, run)
  addSuperuserCommand(program, run)
  addClientCommands(program, run)
  addSessionCommands(program, run)
  addApiKeyCommands(program, run)
  addWebhookCommands(program, run)
  addAuthtokenCommands(program, run)
  addAuthenticatorsCommand(program, run)
  addImportCommand(program, run)
  addKeyCommands(program, run)
  addExplainCommand(program, run)
  addAuditCommands(program, run)
  return program
}

function report({ error, message, isUnexpected }: Failure, cause: unknown, isJson: boolean): void {
  process.stderr.write(`${message}\n`)
  if (isUnexpected && cause instanceof Error && cause.stack) process.stderr.write(`${cause.stack}\n`)
  if (isJson) process.stdout.write(`${toJson({ error, message })}\n`)
}

/** Beside the sources and the build alike, the package's own description is the nearest above. */
function version(): string {
  for (const path of ['../../package.json', '../../../package.json']) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'))
      if (name === 'keyturn') return version
    } catch {
      // One level further up, then.
    }
  }
  return 'unknown'
}
