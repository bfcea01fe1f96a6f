import type { Command } from 'commander'
import type { RevocationReport } from '../keys/revoke.ts'
import { addCommand, type Run } from './command.ts'
import { type Column, table } from './output.ts'

const EXPOSURE_COLUMNS: readonly Column[] = [
  ['verifier', 'resource server'],
  ['trustsUntil', 'trusts it until'],
  ['behindCacheUntil', 'behind a cache until'],
  ['remedy', 'earlier by'],
]
const NO_LIMIT = 'no limit'

/** `keyturn keys revoke`. */
export function addRevokeCommand(keys: Command, run: Run): void {
  addCommand(
    keys,
    'revoke <kid>',
    'emergency: make a signing key worth nothing now, and have the next one sign at once',
    'keyturn keys revoke MY2DHoAWGrCnOcdFJRDLQ4b7CPn8Ck_8fYsgSPvVVg0',
  )
    // One kid in 64 begins with a dash.
    .allowUnknownOption()
    .action((kid: string) =>
      run(async ({ ask }) => {
        const report = await ask<RevocationReport>('keys.revoke', { kid })
        return { data: report, text: [...whatHappened(report), '', exposureTable(report)].join('\n') }
      }),
    )
}

function whatHappened(report: RevocationReport): string[] {
  const { outcome, algorithm, kid, phase, revokedAt, successor, minimumIssuedAt, removesAt } = report
  const lines = [
    outcome === 'already_revoked'
      ? `${algorithm} ${kid} was revoked already, at ${revokedAt}: nothing was changed.`
      : `${algorithm} ${kid} (${phase}) is revoked since ${revokedAt}: it has left the JWKS and verifies nothing here.`,
  ]
  if (successor) {
    const { isKnownEverywhere, knownEverywhereAt } = successor
    lines.push(
      `${algorithm} ${successor.kid} signs instead: every node that reaches the database by ${successor.everyNodeBy}; ` +
        `one that does not has stopped signing by ${successor.cutOffNodesBy}.`,
      isKnownEverywhere
        ? `It is published since ${successor.publishedAt}: every resource server has had the time to fetch it.`
        : `It is published only since ${successor.publishedAt}: until ${knownEverywhereAt} a resource server that does ` +
            'not fetch the JWKS for an unknown kid may refuse what it signs. Restart those.',
    )
  }
  lines.push(
    minimumIssuedAt === null
      ? 'It never signed: access tokens of other keys are good.'
      : `Access tokens issued before ${minimumIssuedAt} no longer count at introspection. No session ends: clients get ` +
          'new tokens by refreshing.',
    `Its row stays until ${removesAt}, so that the same key cannot come back meanwhile.`,
  )
  return lines
}

function exposureTable({ exposure }: RevocationReport): string {
  const rows = exposure.map((row) => ({
    ...row,
    trustsUntil: row.trustsUntil ?? NO_LIMIT,
    behindCacheUntil: row.behindCacheUntil ?? NO_LIMIT,
  }))
  return [
    'A resource server that has fetched the key goes on trusting it. With its usual settings, that is:',
    table(rows, EXPOSURE_COLUMNS, ''),
    'Restart what cannot wait, or have it ask the introspection endpoint: docs/runbooks/emergency.md.',
  ].join('\n')
}
