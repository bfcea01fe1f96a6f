import { toMarkdown } from '../../simulation/report.ts'
import type { Run } from '../run.ts'
import { SCENARIOS } from '../scenarios.ts'
import { glanceTable, scenarioTable, signatureText, summariesOf } from './tables.ts'

/** The page that a whole run writes. */
export function pageOf(run: Run, how: string, picture: string): string {
  const summaries = summariesOf(run)
  const sections = SCENARIOS.flatMap(({ name, title }) => {
    const own = summaries.filter(({ scenario }) => scenario === name)
    return own.length > 0 ? [`## ${title}`, toMarkdown(scenarioTable(own))] : []
  })
  return `${[
    '# What a token costs',
    'Written by `npm run bench`; do not edit. How it is measured, and what each system does for an operation:',
    '[bench/comparison/README.md](../../bench/comparison/README.md). All samples: [samples.json](samples.json).',
    how,
    signatureText(run),
    `![CPU of an operation in bare signatures](${picture})`,
    '## CPU of an operation in bare signatures, 64 connections',
    toMarkdown(glanceTable(summaries)),
    ...sections,
    '`*` the load generator was near its own limit: the CPU figures hold, the throughput is its own.',
    ...(run.leftOut.length > 0
      ? ['## Left out', ...run.leftOut.map((line) => `- ${line.split('\n')[0]}`)]
      : []),
  ].join('\n\n')}\n`
}
