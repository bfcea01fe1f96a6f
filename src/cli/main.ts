#!/usr/bin/env node
import { runCli } from './program.ts'

/** Whatever still holds the process this long after its work is done is not worth waiting for. */
const LINGER_MS = 2000

// Whoever read our output has seen enough: `keyturn users list | head`.
process.stdout.on('error', () => {})

process.exitCode = await runCli(process.argv.slice(2))
setTimeout(() => process.exit(), LINGER_MS).unref()
