import type { CampaignResult } from './campaign.ts'
import type { EmergencyResult } from './emergency.ts'
import type { Failure, FailureReason } from './examination.ts'
import type { Rotation } from './rotations.ts'
import type { ControlResult, NamedCampaign, SuiteResult } from './suite.ts'

const WIDTH = 68
const NUMBER_WIDTH = 9
/** What is wrong with a run may be the same a thousand times. */
const SHOWN = 20

/** A rotation as it ends; whether it was noticed is known when the last token that its predecessor signed is dead. */
export function progressLine(title: string, rotation: Rotation): string {
  return `${title}: ${rotation.title} (${rotation.manner}), ${rotation.kid.slice(0, 8)}… signs`
}

/** Everything, when all is over. */
export function report({ campaigns, controls, emergency, seconds }: SuiteResult): string {
  return [
    ...campaigns.flatMap(campaignLines),
    ...(emergency ? emergencyLines(emergency) : []),
    ...controls.map(controlLine),
    '',
    totals(campaigns, controls, seconds),
  ].join('\n')
}

/** Whether there is nothing to complain about. */
export function isClean({ campaigns, controls, emergency }: SuiteResult): boolean {
  const isGreen = ({ failures, incidents }: CampaignResult) => failures.length + incidents.length === 0
  // How soon a key is forgotten says something of a machine that does nothing else: it is printed, not judged.
  const isAsPromised = emergency === undefined || emergency.failures.length === 0
  return campaigns.every(isGreen) && controls.every(({ isRed }) => isRed) && isAsPromised
}

/** How many verifications there were. */
export function verificationsOf({ verifications }: CampaignResult): number {
  return Object.values(verifications).reduce((sum, count) => sum + count, 0)
}

function campaignLines(campaign: NamedCampaign): string[] {
  const { title, rotations, verifications, failures, fetches, incidents } = campaign
  return [
    line(title, ['tokens', '503', 'no reply']),
    ...rotations.map((each) => {
      const at = new Date(each.activatedAt).toISOString().slice(11, 19)
      return line(`  ${at} ${each.title} (${each.manner})`, [each.tokens, each.refused, each.unanswered])
    }),
    '',
    line('resource server', ['verified', 'failed', 'fetches']),
    ...Object.entries(verifications).map(([kind, count]) => {
      const of = (list: readonly { kind: string }[]) => list.filter((each) => each.kind === kind).length
      return line(`  ${kind}`, [count, of(failures), of(fetches)])
    }),
    ...failures.slice(0, SHOWN).map(failureLine),
    ...incidents.slice(0, SHOWN),
    '',
  ]
}

function failureLine({ kind, age, kid, reason, because, at }: Failure): string {
  return `FAILED: ${kind}, ${age}: ${kid.slice(0, 8)}… ${reason} ${because}, ${new Date(at).toISOString()}`
}

function emergencyLines({ exposure, failures, refusedTokens, ...times }: EmergencyResult): string[] {
  const ms = (value: number | null) => (value === null ? 'for ever' : `${Math.round(value)} ms`)
  return [
    line('keys revoke: how long the revoked key is trusted', ['seen', 'as documented']),
    ...exposure.map(({ kind, trustedMs, documentedMs, isAsDocumented }) => {
      return line(`  ${kind}`, [ms(trustedMs), ms(documentedMs)]) + (isAsDocumented ? '' : ' !')
    }),
    ...failures.slice(0, SHOWN).map(failureLine),
    `its last signature after ${ms(times.lastSignedMs)}, its successor's first after ${ms(times.firstSuccessorMs)};`,
    `${refusedTokens} verifications of its tokens refused, ${failures.length} of others`,
    '',
  ]
}

function line(words: string, cells: readonly (string | number)[]): string {
  return words.padEnd(WIDTH) + cells.map((cell) => String(cell).padStart(NUMBER_WIDTH)).join(' ')
}

function controlLine({ title, expects, found, isRed, trouble }: ControlResult): string {
  const counts = (Object.entries(found) as [FailureReason, number][]).map(
    ([reason, count]) => `${count} ${reason}`,
  )
  const what = counts.join(', ') || 'nothing'
  const why = trouble === undefined ? '' : `; ${trouble}`
  return `control: ${title}: ${isRed ? 'found' : 'NOT FOUND'} (expected ${expects.join(' or ')}; ${what}${why})`
}

function totals(campaigns: readonly NamedCampaign[], controls: readonly ControlResult[], seconds: number) {
  const sum = (of: (campaign: NamedCampaign) => number) =>
    campaigns.reduce((total, each) => total + of(each), 0)
  return [
    `${sum(({ rotations }) => rotations.length)} rotations, ${sum(({ tokens }) => tokens)} tokens,`,
    `${sum(verificationsOf)} verifications, ${sum(({ failures }) => failures.length)} failures;`,
    `${controls.filter(({ isRed }) => isRed).length} of ${controls.length} controls found; ${Math.round(seconds)} s`,
  ].join(' ')
}
