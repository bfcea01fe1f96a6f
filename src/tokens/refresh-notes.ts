import type { AuditEventName } from '../audit/events.ts'
import type { Tally } from '../audit/tally.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { NoteRefresh, RefreshNote, RefreshOutcome } from './refresh-outcome.ts'

/**
 * What is counted here and written as a row now and then: refusals by family, because whoever repeats one must not fill
 * the log; what says something of Redis by node. The other outcomes worth a row are written with what they change.
 */
const TALLIED: Partial<Record<RefreshOutcome, { event: AuditEventName; by: 'family' | 'node' }>> = {
  foreign_client: { event: 'family.foreign_client', by: 'family' },
  expired: { event: 'family.expired', by: 'family' },
  revoked: { event: 'family.revoked', by: 'family' },
  rebuilt: { event: 'family.rebuilt', by: 'node' },
  degraded: { event: 'family.degraded', by: 'node' },
}

/**
 * Tells operators of every presented refresh token: one count each; a line for each that was not an ordinary refresh,
 * with the ids that `keyturn explain` takes; and an audit row, aggregated where it can be repeated.
 */
export function makeNoteRefresh(options: {
  count: (outcome: RefreshOutcome) => void
  tally: Tally
  logger: Logger
}): NoteRefresh {
  const { count, tally, logger } = options

  return (note) => {
    const { outcome, clientId, generation } = note
    count(outcome)
    const line = { outcome, client: clientId, ...idsOf(note), generation }
    if (outcome === 'rotated') logger.debug(line, 'refresh')
    else logger.info(line, 'refresh')
    noteInAudit(note, tally)
  }
}

function noteInAudit(note: RefreshNote, tally: Tally): void {
  const { outcome, clientId, family } = note
  const tallied = TALLIED[outcome]
  if (tallied === undefined || family === undefined) return
  const { event, by } = tallied
  const ids = idsOf(note)
  if (by === 'node') {
    tally.note({ event, actor: 'keyturn' }, event)
    return
  }
  const { userId } = family
  tally.note(
    { event, actor: `client:${clientId}`, userId, clientId: family.clientId, details: ids },
    `${event} ${ids.family}`,
  )
}

function idsOf({ family }: RefreshNote): { session?: string; family?: string } {
  return family ? { session: family.sessionId, family: family.id.toString('base64url') } : {}
}
