import type { CampaignResult, ScenarioResult } from './campaign.ts'
import type { ViolationKind } from './check-history.ts'
import type { ControlResult, SuiteResult } from './suite.ts'

const KINDS: readonly ViolationKind[] = ['lost', 'fork', 'revived', 'undone', 'backwards', 'wrong']
const WIDTH = 62
const NUMBER_WIDTH = 9
const HEADINGS = ['requests', '503', 'no reply', ...KINDS, 'recovery']

/** The line above the table. */
export function heading(): string {
  return line('topology   scenario', HEADINGS)
}

/** One scenario as it ends. Violations are known only when its deployment's run is over: `.` until then. */
export function progressLine(topology: string, result: ScenarioResult): string {
  return scenarioLine(
    topology,
    result,
    KINDS.map(() => '.'),
  )
}

/** Everything, when all is over: a table for each deployment, the controls, what is wrong. */
export function report({ campaigns, controls, seconds }: SuiteResult): string {
  return [
    heading(),
    ...campaigns.flatMap((campaign) => campaign.scenarios.map((result) => finalLine(campaign, result))),
    '',
    ...controls.map(controlLine),
    '',
    ...campaigns.flatMap((campaign) => [
      ...campaign.problems,
      ...slowLines(campaign),
      ...violationLines(campaign),
    ]),
    totals(campaigns, controls, seconds),
  ].join('\n')
}

/** Whether there is nothing to complain about, how soon all was well again among it. */
export function isClean({ campaigns, controls }: SuiteResult): boolean {
  return (
    campaigns.every(
      (campaign) =>
        campaign.problems.length === 0 &&
        campaign.verdict.violations.length === 0 &&
        slowLines(campaign).length === 0,
    ) && controls.every(({ isRed }) => isRed)
  )
}

function finalLine({ topology }: CampaignResult, result: ScenarioResult): string {
  return scenarioLine(
    topology,
    result,
    KINDS.map((kind) => result.violations.filter((violation) => violation.kind === kind).length),
  )
}

function scenarioLine(topology: string, result: ScenarioResult, counts: readonly (string | number)[]) {
  const { name, operations, unavailable, unanswered, recoveryMs, recoveryLimitMs, problems } = result
  const recovery = recoveryMs === undefined ? 'never' : `${Math.round(recoveryMs)} ms`
  const isSlow = recoveryMs !== undefined && recoveryMs > recoveryLimitMs
  const flag = problems.length > 0 || isSlow ? ' !' : ''
  const words = `${topology.padEnd(10)} ${name}`
  return line(words, [operations, unavailable, unanswered, ...counts, recovery]) + flag
}

function line(words: string, cells: readonly (string | number)[]): string {
  return words.padEnd(WIDTH) + cells.map((cell) => String(cell).padStart(NUMBER_WIDTH)).join(' ')
}

function slowLines({ scenarios }: CampaignResult): string[] {
  return scenarios.flatMap(({ name, recoveryMs, recoveryLimitMs }) => {
    if (recoveryMs === undefined || recoveryMs <= recoveryLimitMs) return []
    return [`${name}: it took ${Math.round(recoveryMs)} ms to recover, not ${recoveryLimitMs}`]
  })
}

function violationLines({ topology, verdict }: CampaignResult): string[] {
  return verdict.violations.map(({ kind, because, operation: { actor, node } }) => {
    return `${kind} (${topology}, ${actor}, ${node}): ${because}`
  })
}

function controlLine({ control, campaign, isRed }: ControlResult): string {
  const counts = KINDS.map((kind) => {
    const count = campaign.verdict.violations.filter((violation) => violation.kind === kind).length
    return count > 0 ? `${count} ${kind}` : undefined
  })
  const found = counts.filter(Boolean).join(', ') || 'nothing'
  return `control    ${control.title}: ${isRed ? 'found' : 'NOT FOUND'} (expected ${control.expects.join(', ')}; ${found})`
}

function totals(campaigns: readonly CampaignResult[], controls: readonly ControlResult[], seconds: number) {
  const sum = (of: (campaign: CampaignResult) => number) =>
    campaigns.reduce((total, each) => total + of(each), 0)
  const violations = sum(({ verdict }) => verdict.violations.length)
  const problems = sum((campaign) => campaign.problems.length)
  return [
    `${sum(({ scenarios }) => scenarios.length)} scenarios, ${sum(({ operations }) => operations)} requests,`,
    `${violations} violations, ${problems} problems, ${sum((campaign) => slowLines(campaign).length)} slow recoveries;`,
    `${sum(({ verdict }) => verdict.lateRetries)} late retries,`,
    `${sum(({ verdict }) => verdict.lagging)} answers within the lag of an anchor,`,
    `${sum(({ verdict }) => verdict.endedLate)} sessions ended late by policy;`,
    `${controls.filter(({ isRed }) => isRed).length} of ${controls.length} controls found; ${Math.round(seconds)} s`,
  ].join(' ')
}
