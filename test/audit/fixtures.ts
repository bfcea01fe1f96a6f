import { auditAdministration } from '../../src/audit/administration.ts'
import { auditChainPostgres } from '../../src/audit/audit-chain-postgres.ts'
import { auditLogPostgres } from '../../src/audit/audit-log-postgres.ts'
import { recordAudits } from '../../src/audit/audit-postgres.ts'
import { auditRetentionPostgres } from '../../src/audit/audit-retention-postgres.ts'
import type { ChainKey } from '../../src/audit/chain.ts'
import type { AuditEvent } from '../../src/audit/events.ts'
import type { Finding } from '../../src/audit/findings.ts'
import { removeOldest } from '../../src/audit/retention.ts'
import type { Database } from '../../src/postgres/database.ts'

/** Two versions of the key: the log spans a change of it. */
const KEYS: readonly ChainKey[] = [1, 2].map((version) => ({
  version,
  key: Buffer.alloc(32, version),
}))
const [FIRST_KEY, SECOND_KEY] = KEYS as [ChainKey, ChainKey]

const keyOf = (version: number) => KEYS.find((key) => key.version === version)?.key

/** The audit log of a database, as a test writes, chains, spoils and verifies it. */
export function openLog(database: Database) {
  const log = auditLogPostgres(database)
  const chain = auditChainPostgres(database)
  const retention = auditRetentionPostgres(database)
  const administration = auditAdministration({
    log,
    keys: async () => keyOf,
    findUserId: async () => undefined,
  })
  return {
    log,
    chain,
    administration,
    removeOldest: () => removeOldest(retention, log, SECOND_KEY, keyOf),
    /** Writes events with every column filled. */
    async write(count: number): Promise<void> {
      const request = { id: 'r-1', address: '192.0.2.1' }
      const event: AuditEvent = {
        event: 'family.ended',
        actor: 'client:shop',
        userId: '7',
        clientId: 'shop',
        details: { reason: 'revoked', ümlaut: true, many: 1.5 },
      }
      await recordAudits(
        database,
        Array.from({ length: count }, () => ({ event, request })),
      )
    },
    async chainAll(key = FIRST_KEY): Promise<void> {
      await chain.look()
      for (;;) {
        const extended = await chain.extend(key)
        if (extended.outcome === 'busy') throw new Error('somebody else has the chain')
        if (extended.rows === 0) return
      }
    },
    async head(): Promise<string> {
      return (await administration.verify({})).head
    },
    /** Everything that a verification finds. */
    async verify(expect?: string): Promise<{ findings: Finding[]; rows: number; head: string }> {
      const findings: Finding[] = []
      let part = await administration.verify(expect === undefined ? {} : { expect })
      let { rows } = part
      findings.push(...part.findings)
      while (part.next !== undefined) {
        part = await administration.verify({ next: part.next })
        findings.push(...part.findings)
        rows += part.rows
      }
      return { findings, rows, head: part.head }
    },
    /** `position kind` of what a verification finds, for comparing. */
    async found(expect?: string): Promise<string[]> {
      return (await this.verify(expect)).findings.map(brief)
    },
  }
}

export type OpenLog = ReturnType<typeof openLog>

function brief(finding: Finding): string {
  if (finding.finding === 'missing') return `missing ${finding.position}-${finding.until}`
  if (finding.finding === 'reordered') return `reordered ${finding.position} was ${finding.was}`
  if (finding.finding === 'unchained') return `unchained ${finding.rows}`
  if (finding.finding === 'cut') return `cut ${finding.position} ${finding.noted}`
  return `${finding.finding} ${finding.position}`
}

export { FIRST_KEY, keyOf, SECOND_KEY }
