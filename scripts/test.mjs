import { randomUUID } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build, ROOT } from './build.mjs'
import { main, run } from './child.mjs'
import { endLeftovers } from './leftovers.mjs'

/** What is checked before the tests when all of them are run. */
const CHECKS = [
  ['lint', 'node_modules/@biomejs/biome/bin/biome', 'check'],
  ['types', 'node_modules/typescript/bin/tsc', '--noEmit'],
  ['unused code', 'node_modules/knip/bin/knip.js'],
]
/** Every process that the tests start inherits this, so that none can hide. */
const RUN = 'KEYTURN_TEST_RUN'

/**
 * `npm test`: installs and builds if needed, runs the checks and all tests; with arguments only mocha with these
 * (`npm test -- test/keys`). The last line is `N passed, N failed`, where a check counts as one.
 */
await main(async () => {
  await build({ development: true })
  const args = process.argv.slice(2)
  const counts = { passed: 0, failed: 0 }
  if (args.length === 0) await runChecks(counts)
  await runTests(args, counts)
  process.stdout.write(`${counts.passed} passed, ${counts.failed} failed\n`)
  if (counts.failed > 0) process.exitCode = 1
})

/** @param {{ passed: number, failed: number }} counts */
async function runChecks(counts) {
  for (const [name, ...command] of CHECKS) {
    const code = await run(process.execPath, command, { cwd: ROOT, output: 'inherit' })
    process.stdout.write(`${name}: ${code === 0 ? 'clean' : 'FAILED'}\n`)
    if (code === 0) counts.passed++
    else counts.failed++
  }
}

/**
 * @param {readonly string[]} args
 * @param {{ passed: number, failed: number }} counts
 */
async function runTests(args, counts) {
  const directory = mkdtempSync(join(tmpdir(), 'keyturn-test-'))
  const summary = join(directory, 'summary.json')
  const id = randomUUID()
  const env = { ...process.env, [RUN]: id, KEYTURN_TEST_SUMMARY: summary }
  const strictly = args.length === 0 ? ['--forbid-only', '--forbid-pending'] : []
  const reporter = ['--reporter', './test/support/summary-reporter.ts']
  // Not bin/mocha.js: it would run this same program as a child and leave it behind when it is told to stop.
  const mocha = ['--import', 'tsx', 'node_modules/mocha/lib/cli/cli.js', ...reporter, ...strictly, ...args]
  try {
    const code = await run(process.execPath, mocha, { cwd: ROOT, env, output: 'inherit' })
    const { passed, failed } = readSummary(summary)
    counts.passed += passed
    // A run that broke down before or after its tests has failed, whatever they said.
    counts.failed += failed === 0 && code !== 0 ? 1 : failed
  } finally {
    rmSync(directory, { recursive: true })
    for (const command of await endLeftovers(`${RUN}=${id}`)) {
      process.stdout.write(`left running by the tests: ${command}\n`)
      counts.failed++
    }
  }
}

/**
 * @param {string} path
 * @returns {{ passed: number, failed: number }}
 */
function readSummary(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return { passed: 0, failed: 0 } // mocha did not come as far as its end
  }
}
