import { toText } from '../../simulation/report.ts'
import type { Run } from '../run.ts'
import { SCENARIOS } from '../scenarios.ts'
import { glanceTable, scenarioTable, signatureText, summariesOf } from './tables.ts'

/** The report for a terminal. */
export function textReport(run: Run, how: string): string {
  const summaries = summariesOf(run)
  const parts = [how, signatureText(run)]
  if (summaries.some(({ mode }) => mode === 'closed-64')) {
    parts.push(`CPU of an operation in bare signatures, 64 connections\n\n${toText(glanceTable(summaries))}`)
  }
  for (const { name, title } of SCENARIOS) {
    const own = summaries.filter(({ scenario }) => scenario === name)
    if (own.length > 0) parts.push(`${title}\n\n${toText(scenarioTable(own))}`)
  }
  if (run.leftOut.length > 0) parts.push(`Left out:\n${run.leftOut.join('\n')}`)
  return `${parts.join('\n\n')}\n`
}
