import { writeFileSync } from 'node:fs'
import mocha from 'mocha'

/** mocha's usual report, and at its end the counts as JSON in the file `KEYTURN_TEST_SUMMARY`, for scripts/test.mjs. */
export default class SummaryReporter extends mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options)
    runner.once('end', () => {
      const path = process.env['KEYTURN_TEST_SUMMARY']
      const summary = { passed: this.stats.passes, failed: this.stats.failures }
      if (path !== undefined) writeFileSync(path, JSON.stringify(summary))
    })
  }
}
