import { readFile, stat } from 'node:fs/promises'
import type { Command } from 'commander'
import type { ImportReport } from '../keys/import-key.ts'
import { Refusal } from '../refusal.ts'
import { addCommand, type Run } from './command.ts'
import { readToEnd } from './input.ts'
import { Misuse } from './outcome.ts'

/** Far more than any key has. */
const MAX_BYTES = 64 * 1024

/** `keyturn keys import`. */
export function addImportCommand(keys: Command, run: Run): void {
  addCommand(
    keys,
    'import <file>',
    'bring a private signing key along: PEM or JWK, from a file or - for stdin',
    'openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 | keyturn keys import -',
  )
    .option('--algorithm <alg>', 'what to sign with it; by default what fits the key')
    .action((file: string, options: { algorithm?: string }) =>
      run(async ({ ask }) => {
        const text = (file === '-' ? await readToEnd() : await readKeyFile(file)).toString('utf8')
        const report = await ask<ImportReport>('keys.import', { text, algorithm: options.algorithm })
        return { data: report, text: describe(report, file) }
      }),
    )
}

async function readKeyFile(path: string): Promise<Buffer> {
  const unreadable = (error: unknown): never => {
    const { code } = error as { code?: unknown }
    throw new Refusal('file_unreadable', `${path} cannot be read (${String(code)})`)
  }
  const { size } = await stat(path).catch(unreadable)
  if (size > MAX_BYTES) throw new Misuse(`${path} has ${size} bytes: that is no key`)
  return readFile(path).catch(unreadable)
}

function describe({ kid, algorithm, phase, activatesAt, notes }: ImportReport, file: string): string {
  const what =
    phase === 'active'
      ? `${algorithm} ${kid} is the first key, and signs from now on.`
      : `${algorithm} ${kid} is published, and signs from ${activatesAt}, when every verifier has it.`
  const copy = file === '-' ? [] : [`It is stored sealed. Remove ${file} where it is not needed any more.`]
  return [what, ...notes.map((note) => `Note: ${note}.`), ...copy].join('\n')
}
