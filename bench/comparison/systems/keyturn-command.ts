import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** The built program. */
export const PROGRAM = fileURLToPath(new URL('../../../dist/src/cli/main.js', import.meta.url))
const TIMEOUT_MS = 60_000

/**
 * Runs one command of the built program.
 * @returns what it printed, which is JSON where it was asked for
 * @throws Error with what it said where it does not succeed
 */
export async function runKeyturn(
  args: readonly string[],
  options: { cwd: string; env: Readonly<Record<string, string>>; stdin?: string },
): Promise<string> {
  const { PATH, HOME } = process.env
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    cwd: options.cwd,
    env: { PATH, HOME, ...options.env },
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  child.stdin.on('error', () => {}) // it ended without reading
  child.stdin.end(options.stdin ?? '')
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  if (code !== 0) throw new Error(`keyturn ${args.join(' ')} exits ${code}:\n${stdout}${stderr}`)
  return stdout
}
