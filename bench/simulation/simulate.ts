import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { fillPage } from './page.ts'
import { drawPicture } from './picture.ts'
import { assumptionsTable, lossTable, strategiesTable, theftTable, toText, yearTable } from './report.ts'
import { simulate } from './run.ts'

/*
 * npm run simulate -- [--seed TEXT] [--sessions NUMBER] [--json] [--svg]
 *
 * Compares ways of handling refresh tokens. Progress goes to stderr, the result to stdout. `--svg` also renews
 * docs/refresh-strategies.svg and the tables of docs/refresh-strategies.md.
 */

/** Enough for the tables' digits, and done within a minute on two cores. */
const SESSIONS = '2500'
const SEED = 'keyturn'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: SEED },
    sessions: { type: 'string', default: SESSIONS },
    json: { type: 'boolean', default: false },
    svg: { type: 'boolean', default: false },
  },
})
const sessions = Number(values.sessions)
if (!Number.isSafeInteger(sessions) || sessions < 1) {
  process.stderr.write('--sessions takes a whole number, 1 or more\n')
  process.exit(2)
}

const started = performance.now()
const results = simulate({
  seed: values.seed,
  sessions,
  progress: (text) =>
    process.stderr.write(`${((performance.now() - started) / 1000).toFixed(1).padStart(6)} s  ${text}\n`),
})

if (values.json) {
  process.stdout.write(
    `${JSON.stringify({ seed: values.seed, sessions, assumptions: assumptionsTable().slice(1), results }, null, 2)}\n`,
  )
} else {
  const tables = [assumptionsTable, strategiesTable, lossTable, theftTable, yearTable]
  process.stdout.write(`${tables.map((table) => toText(table(results))).join('\n')}\n`)
}

if (values.svg) {
  const command = `npm run simulate -- --svg --seed ${values.seed} --sessions ${sessions}`
  const docs = (name: string) => new URL(`../../docs/${name}`, import.meta.url)
  const subtitle = `Simulated: ${sessions} sessions of 40 refreshes for each strategy and scenario, seed “${values.seed}”.`
  writeFileSync(docs('refresh-strategies.svg'), drawPicture(results, subtitle))
  const page = docs('refresh-strategies.md')
  const how = `These figures: \`${command}\`. The same command gives the same figures.`
  writeFileSync(page, fillPage(readFileSync(page, 'utf8'), results, how))
}
