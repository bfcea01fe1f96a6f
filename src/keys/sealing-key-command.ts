import { spawn } from 'node:child_process'
import type { Logger } from '../telemetry/logger.ts'
import { parseLines, type SealingKeyLines, SealingKeyProblem } from './sealing-key.ts'

/** A KMS answers within a second; whoever waits longer than this waits for something that does not come. */
const TIME_LIMIT_MS = 10_000
/** Sixteen lines take 704 bytes. */
const OUTPUT_LIMIT_BYTES = 4096
/** Enough to say what went wrong. */
const STDERR_LIMIT_BYTES = 8192
/** As long as any key: what a command prints on the wrong stream must not end up in a log. */
const KEY_LIKE = /[A-Za-z0-9_+=-]{40,}|[A-Za-z0-9+/]{43}=/g

const WHERE = 'what KEYTURN_SEALING_KEY_COMMAND prints'

/**
 * Runs the command that prints the sealing key (a KMS, Vault), by `sh -c`. What it says on stderr goes to the log, without
 * anything that could be a key.
 * @throws SealingKeyProblem with what to do about it
 */
export async function runSealingKeyCommand(
  command: string,
  { logger, timeLimitMs = TIME_LIMIT_MS }: { logger: Logger; timeLimitMs?: number },
): Promise<SealingKeyLines> {
  const { ended, stdout, stderr } = await run(command, timeLimitMs)
  const said = stderr.replaceAll(KEY_LIKE, '[hidden]').trim()
  if (said !== '') logger.warn({ stderr: said }, 'the sealing key command said something')
  if (ended !== undefined) {
    const words = said === '' ? '' : `, saying: ${said.split('\n').at(-1)}`
    throw new SealingKeyProblem(
      'unreadable',
      `KEYTURN_SEALING_KEY_COMMAND ${ended}${words}. Run it by hand as the user that Keyturn runs as`,
    )
  }
  return parseLines(stdout, WHERE)
}

/** Runs it to its end, or ends it; `ended` says why nothing came of it. */
function run(
  command: string,
  timeLimitMs: number,
): Promise<{ ended: string | undefined; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    // A group of its own: what the shell has started is ended with it.
    const child = spawn('/bin/sh', ['-c', command], { stdio: ['ignore', 'pipe', 'pipe'], detached: true })
    const stdout: Buffer[] = []
    const stderr: Buffer[] = []
    let printed = 0
    let said = 0
    let ended: string | undefined
    let isOver = false

    const finish = (why: string | undefined) => {
      if (isOver) return
      isOver = true
      clearTimeout(limit)
      ended ??= why
      child.stdout.destroy()
      child.stderr.destroy()
      const result = { ended, stdout: text(stdout), stderr: text(stderr) }
      for (const chunk of stdout) chunk.fill(0)
      resolve(result)
    }
    const end = (why: string) => {
      ended ??= why
      kill(child.pid)
      finish(why)
    }

    const limit = setTimeout(() => end(`took longer than ${timeLimitMs / 1000} s`), timeLimitMs)

    child.stdout.on('data', (chunk: Buffer) => {
      printed += chunk.length
      if (printed > OUTPUT_LIMIT_BYTES) end(`printed more than ${OUTPUT_LIMIT_BYTES} bytes`)
      else stdout.push(chunk)
    })
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.length
      if (said <= STDERR_LIMIT_BYTES) stderr.push(chunk)
    })
    child.on('error', (error) => finish(`could not be run (${error.message})`))
    child.on('close', (code, signal) => {
      if (code === 0) finish(printed === 0 ? 'printed nothing' : undefined)
      else finish(code === null ? `was ended by ${signal}` : `failed with exit status ${code}`)
    })
  })
}

function kill(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended in this moment.
  }
}

function text(chunks: readonly Buffer[]): string {
  return Buffer.concat(chunks).toString('latin1')
}
