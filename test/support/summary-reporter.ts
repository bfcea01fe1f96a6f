import { writeFileSync } from 'node:fs'
import mocha from 'mocha'

/** More than the shared servers take to stop. A run that something keeps alive for longer would stay for ever. */
const PATIENCE_MS = 30_000

/**
 * mocha's usual report, and at its end the counts as JSON in the file `KEYTURN_TEST_SUMMARY`, for scripts/test.mjs.
 * A run that does not come to its end, because a test has left something open, is ended with what that was.
 */
export default class SummaryReporter extends mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options)
    runner.once('end', () => {
      const path = process.env['KEYTURN_TEST_SUMMARY']
      const summary = { passed: this.stats.passes, failed: this.stats.failures }
      if (path !== undefined) writeFileSync(path, JSON.stringify(summary))
      setTimeout(endNow, PATIENCE_MS).unref()
    })
  }
}

function endNow(): never {
  const open = process.getActiveResourcesInfo().join(', ')
  process.stderr.write(`the tests have ended, and something they left open has not: ${open}\n`)
  // After mocha's own listener, which would make 0 of it where no test has failed.
  process.on('exit', () => {
    process.exitCode = 1
  })
  process.exit()
}
