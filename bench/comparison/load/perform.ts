import type { Answer, Connection } from './connection.ts'
import type { Operation, Session } from './protocol.ts'
import type { Tally } from './tally.ts'

/** The session that a connection holds; refreshing replaces its tokens. */
export interface HeldSession {
  tokens: Session
}

/** A server that is asked to wait longer is not asked again in this run. */
const LONGEST_RETRY_AFTER_SECONDS = 5

/**
 * Does one operation and counts what comes of it.
 * @param since when the wait began, milliseconds of `performance.now()`
 * @returns milliseconds that the server wants to be left alone (RFC 9110 §10.2.3), 0 as a rule
 */
export async function perform(
  operation: Operation,
  connection: Connection,
  held: HeldSession,
  tally: Tally,
  since: number,
): Promise<number> {
  let answer: Answer
  try {
    answer = await connection.ask(requestOf(operation, held.tokens))
  } catch (error) {
    tally.failed((error as Error).message)
    return 0
  }
  if (answer.status !== 200) {
    tally.failed(`status ${answer.status}`)
    return retryAfterMs(answer)
  }
  if (operation.expects !== undefined && !answer.body.includes(operation.expects)) {
    tally.failed(`not ${operation.expects}`)
    return 0
  }
  const milliseconds = performance.now() - since
  const { renews, countsKidOf } = operation
  if (renews === undefined && countsKidOf === undefined) {
    tally.answered(milliseconds, undefined)
    return 0
  }
  const members = membersOf(answer)
  if (!members) {
    tally.failed('not JSON')
    return 0
  }
  if (renews) {
    const access = renews.access === undefined ? held.tokens.access : members[renews.access]
    held.tokens = { refresh: members[renews.refresh] ?? '', access: access ?? '' }
  }
  tally.answered(milliseconds, countsKidOf === undefined ? undefined : kidOf(members[countsKidOf] ?? ''))
  return 0
}

function requestOf({ method, path, headers, body }: Operation, { refresh, access }: Session): string {
  const content = body?.replace('$refresh', refresh).replace('$access', access)
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const length = content === undefined ? '' : `content-length: ${Buffer.byteLength(content)}\r\n`
  return `${method} ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n${lines.join('')}${length}\r\n${content ?? ''}`
}

function membersOf({ body }: Answer): Record<string, string> | undefined {
  try {
    return JSON.parse(body) as Record<string, string>
  } catch {
    return undefined
  }
}

function retryAfterMs({ head }: Answer): number {
  const seconds = Number(/\r\nretry-after: *(\d+)/i.exec(head)?.[1] ?? 0)
  return Math.min(seconds, LONGEST_RETRY_AFTER_SECONDS) * 1000
}

function kidOf(token: string): string {
  const header = Buffer.from(token.slice(0, token.indexOf('.')), 'base64url').toString()
  return (JSON.parse(header) as { kid?: string }).kid ?? 'none'
}
