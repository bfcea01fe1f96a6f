import { AUDIT_EVENTS } from '../audit/events.ts'
import { Refusal } from '../refusal.ts'

/** Somebody who is told of what happens, by HTTP. */
export interface Webhook {
  readonly id: string
  readonly url: string
  /** Names of audit events; `group.*` for all of a group, `*` for all. */
  readonly events: readonly string[]
  /** Of the symmetric key that its secret follows from. */
  readonly keyVersion: number
  /** How far in the audit log's chain it has been told. */
  readonly position: number
  /** How often the next event was refused. */
  readonly attempts: number
  readonly lastError: string | null
  readonly lastDeliveredAt: Date | null
  readonly createdAt: Date
  /** Since when it is told nothing: it has said that it is gone. */
  readonly disabledAt: Date | null
}

const MAX_EVENTS = 50
const MAX_URL_LENGTH = 2000

/**
 * The audit events that a list of names and patterns means.
 * @throws Refusal for a name that there is not
 */
export function eventsOf(patterns: readonly string[]): string[] {
  const names = patterns.map((pattern) => AUDIT_EVENTS.filter((event) => matches(pattern, event)))
  const unknown = patterns.find((_, at) => names[at]?.length === 0)
  if (unknown !== undefined) {
    throw new Refusal(
      'webhook_invalid',
      `event: there is no ${JSON.stringify(unknown)}: docs/audit.md lists them, and session.* or * are several`,
    )
  }
  return [...new Set(names.flat())]
}

function matches(pattern: string, event: string): boolean {
  return (
    pattern === '*' || pattern === event || (pattern.endsWith('.*') && event.startsWith(pattern.slice(0, -1)))
  )
}

/**
 * Checks where a webhook goes and what it is told.
 * @param allowsPrivate whether plain HTTP is allowed: in networks of one's own
 * @throws Refusal that says what is wrong
 */
export function checkWebhook(url: string, events: readonly string[], allowsPrivate: boolean): void {
  const parsed = URL.canParse(url) && url.length <= MAX_URL_LENGTH ? new URL(url) : undefined
  if (!parsed || !['https:', 'http:'].includes(parsed.protocol)) throw invalid('it is no https: URL')
  if (parsed.protocol === 'http:' && !allowsPrivate) {
    throw invalid('plain http would show what happens: use https, or KEYTURN_WEBHOOK_PRIVATE_NETWORKS=1')
  }
  if (parsed.username !== '' || parsed.password !== '' || parsed.hash !== '') {
    throw invalid('it has a name, a password or a fragment: requests are signed instead')
  }
  if (events.length === 0 || events.length > MAX_EVENTS) {
    throw new Refusal('webhook_invalid', `event: name 1 to ${MAX_EVENTS}`)
  }
  eventsOf(events)
}

function invalid(rule: string): Refusal {
  return new Refusal('webhook_invalid', `url: ${rule}`)
}
