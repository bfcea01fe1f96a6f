import type { Clock } from '../clock.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { AuthenticatedClient } from './authentication.ts'
import type { Clients } from './clients.ts'

/** `last_used_at` is for people who ask whether an old secret is still in use: an hour is exact enough. */
const AT_MOST_EVERY_MS = 3600_000
/** Secrets remembered as noted; beyond that all are forgotten, which costs one write each. */
const REMEMBERED = 10_000

/**
 * Makes the note-taker for used secrets: at most one write per secret and hour, never waited for, never failing a
 * request.
 */
export function secretUse(
  clients: Clients,
  clock: Clock,
  logger: Logger,
): (client: AuthenticatedClient) => void {
  const notedAt = new Map<string, number>()

  return ({ secret }) => {
    if (secret === undefined) return
    const now = clock.now()
    const last = notedAt.get(secret.id) ?? secret.lastUsedAt?.getTime() ?? 0
    if (now.getTime() - last < AT_MOST_EVERY_MS) return
    if (notedAt.size >= REMEMBERED) notedAt.clear()
    notedAt.set(secret.id, now.getTime())
    clients
      .noteSecretUse(secret.id, now)
      .catch((error) => logger.debug({ err: error }, 'secret use not noted'))
  }
}
