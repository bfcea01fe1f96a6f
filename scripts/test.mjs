import { randomUUID } from 'node:crypto'
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build, ROOT } from './build.mjs'
import { main, run } from './child.mjs'
import { endLeftovers } from './leftovers.mjs'
import { stages } from './stages.mjs'
import { temporaryDirectory } from './temporary-directory.mjs'

/** What is checked before the tests when all of them are run. */
const CHECKS = [
  ['lint', 'node_modules/@biomejs/biome/bin/biome', 'check'],
  ['types', 'node_modules/typescript/bin/tsc', '--noEmit'],
  ['unused code', 'node_modules/knip/bin/knip.js'],
]
const STRICTLY = ['--forbid-only', '--forbid-pending']
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
  if (args.length > 0) await runTests(args, 'inherit', counts)
  else {
    await runChecks(counts)
    await runAll(counts)
  }
  process.stdout.write(`${counts.passed} passed, ${counts.failed} failed\n`)
  if (counts.failed > 0) process.exitCode = 1
})

/**
 * All tests, in the order of `stages`. Lanes of one stage run at the same time: most tests wait for a server or a
 * process of their own more than they compute.
 * @param {{ passed: number, failed: number }} counts
 */
async function runAll(counts) {
  const files = testFiles()
  for (const lanes of stages(files, process.env)) {
    // All of them end before the next stage, or the whole run, does: each sees to what its tests have started.
    const ends = await Promise.allSettled(
      lanes.map((lane, index) => runLane([...STRICTLY, ...lane], index, counts)),
    )
    for (const end of ends) if (end.status === 'rejected') throw end.reason
  }
}

/**
 * The first lane prints as it goes, the others when they have ended: two reports at once could not be read.
 * @param {readonly string[]} args
 * @param {number} index
 * @param {{ passed: number, failed: number }} counts
 */
async function runLane(args, index, counts) {
  if (index === 0) return runTests(args, 'inherit', counts)
  const directory = mkdtempSync(join(tmpdir(), 'keyturn-lane-'))
  const path = join(directory, 'report')
  const output = openSync(path, 'w')
  try {
    await runTests(args, output, counts)
  } finally {
    closeSync(output)
    process.stdout.write(readFileSync(path))
    rmSync(directory, { recursive: true })
  }
}

/** Every test file, by its path from the top of the checkout. */
function testFiles() {
  const all = readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' })
  return all
    .filter((path) => path.endsWith('.test.ts'))
    .map((path) => `test/${path}`)
    .sort()
}

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
 * @param {'inherit' | number} output
 * @param {{ passed: number, failed: number }} counts
 */
async function runTests(args, output, counts) {
  const directory = mkdtempSync(join(tmpdir(), 'keyturn-test-'))
  const summary = join(directory, 'summary.json')
  const id = randomUUID()
  const env = { ...process.env, [RUN]: id, KEYTURN_TEST_SUMMARY: summary, TMPDIR: temporaryDirectory() }
  const reporter = ['--reporter', './test/support/summary-reporter.ts']
  // Not bin/mocha.js: it would run this same program as a child and leave it behind when it is told to stop.
  const mocha = ['--import', 'tsx', 'node_modules/mocha/lib/cli/cli.js', ...reporter, ...args]
  try {
    const code = await run(process.execPath, mocha, { cwd: ROOT, env, output })
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
