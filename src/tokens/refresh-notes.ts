import type { Logger } from '../telemetry/logger.ts'
import type { NoteRefresh, RefreshOutcome } from './refresh-outcome.ts'

/**
 * Tells operators of every presented refresh token: one count each, and a line for each that was not an ordinary
 * refresh, with the ids that `keyturn explain` takes.
 */
export function makeNoteRefresh(options: {
  count: (outcome: RefreshOutcome) => void
  logger: Logger
}): NoteRefresh {
  const { count, logger } = options

  return ({ outcome, clientId, family, generation }) => {
    count(outcome)
    const line = {
      outcome,
      client: clientId,
      ...(family && { session: family.sessionId, family: family.id.toString('base64url') }),
      generation,
    }
    if (outcome === 'rotated') logger.debug(line, 'refresh')
    else logger.info(line, 'refresh')
  }
}
