#!/usr/bin/env node
import { EXIT_REFUSED } from './outcome.ts'
import { runCli } from './program.ts'

/** Whatever still holds the process this long after its work is done is not worth waiting for. */
const LINGER_MS = 2000

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Whoever read our output has seen enough: `keyturn users list | head`.
  if (error.code === 'EPIPE') return
  // A secret that is shown once may be lost: that is no success.
  process.stderr.write(`stdout cannot be written: ${error.message}\n`)
  process.exitCode = EXIT_REFUSED
})
process.stderr.on('error', () => {})

const exitCode = await runCli(process.argv.slice(2))
process.exitCode ||= exitCode
setTimeout(() => process.exit(), LINGER_MS).unref()
