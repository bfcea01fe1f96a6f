import { spawn } from 'node:child_process'
import { constants } from 'node:os'

const SIGNALS = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])

/** Somebody asked us to stop while a child was running; the child has ended. */
class Interrupted extends Error {
  /** @param {NodeJS.Signals} signal */
  constructor(signal) {
    super(signal)
    this.name = 'Interrupted'
    this.exitCode = exitCodeOf(signal)
  }
}

/**
 * Runs a program to its end and returns its exit code; what it prints goes to `output`. A signal that tells us to stop
 * is handed on to it.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd: string, env?: NodeJS.ProcessEnv, output?: 'stderr' | 'inherit' | number, shell?: boolean }} options
 *   `output`: a number is a file descriptor, for both of the program's outputs
 * @returns {Promise<number>}
 * @throws Interrupted after such a signal, once the program has ended
 */
export function run(command, args, { cwd, env = process.env, output = 'stderr', shell = false }) {
  return new Promise((resolve, reject) => {
    /** @type {NodeJS.Signals | undefined} */
    let received
    const stdout = output === 'stderr' ? process.stderr : output
    const stderr = typeof output === 'number' ? output : 'inherit'
    const child = spawn(command, args, { cwd, env, shell, stdio: ['ignore', stdout, stderr] })
    /** @param {NodeJS.Signals} signal */
    const handOn = (signal) => {
      received = signal
      child.kill(signal)
    }
    for (const signal of SIGNALS) process.on(signal, handOn)
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      for (const name of SIGNALS) process.off(name, handOn)
      if (received === undefined) resolve(code ?? exitCodeOf(signal))
      else reject(new Interrupted(received))
    })
  })
}

/**
 * Runs the main part of a script: ends it with one line and exit code 1 instead of a stack trace, after a signal
 * without a word and with the exit code that a shell expects.
 * @param {() => Promise<void>} work
 */
export async function main(work) {
  try {
    await work()
  } catch (error) {
    if (error instanceof Interrupted) process.exit(error.exitCode)
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
    process.exit(1)
  }
}

/** @param {NodeJS.Signals | null} signal */
function exitCodeOf(signal) {
  return 128 + (signal ? constants.signals[signal] : 0)
}
