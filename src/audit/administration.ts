import { Refusal } from '../refusal.ts'
import type { AuditLog, LoggedRow, LogQuery, RowCursor } from './audit-log.ts'
import { type ChainPoint, readPoint, writePoint } from './chain.ts'
import { type Finding, noteOf } from './findings.ts'
import { trueFloor } from './floor.ts'
import { beginWalk, endWalk, type KeyOf, raiseFloor, type Walk, walkOn } from './verification.ts'

/** A part of a verification; the next part goes on where this one ended. */
export interface VerifiedPart {
  /** What to hand in for the next part; undefined when this was the last one. */
  readonly next: string | undefined
  /** Rows seen in this part. */
  readonly rows: number
  /** The position reached, and the one to be reached. */
  readonly position: number
  readonly end: number
  /** The end of the log, `position:mac`, as it was when the verification began. */
  readonly head: string
  readonly findings: readonly Finding[]
}

/** Rows checked in one part. */
const PAGE = 1000

/** Which rows an operator wants to see. */
export interface TailQuery extends Omit<LogQuery, 'userId'> {
  /** A username, an e-mail address, or the id of a user that may be deleted. */
  readonly user?: string | undefined
}

/** What a user's id looks like: a decimal number or a UUID. */
const USER_ID = /^(\d{1,20}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/

/** What an operator may do with the audit log: read it and verify it. Nothing here changes it. */
export function auditAdministration({
  log,
  keys,
  findUserId,
}: {
  log: AuditLog
  /** Reads the keys of the chain. */
  keys: () => Promise<KeyOf>
  findUserId: (name: string) => Promise<string | undefined>
}) {
  async function userIdOf(user: string): Promise<string> {
    const found = await findUserId(user)
    if (found !== undefined) return found
    if (USER_ID.test(user)) return user
    throw new Refusal(
      'user_unknown',
      `there is no user ${JSON.stringify(user)}; one that was deleted goes by its id`,
    )
  }

  return {
    /**
     * The latest rows, or the ones behind a position, as they are shown.
     * @throws Refusal `user_unknown`
     */
    async tail({ user, ...query }: TailQuery): Promise<ShownRow[]> {
      const userId = user === undefined ? undefined : await userIdOf(user)
      return (await log.read({ ...query, userId })).map(shown)
    },

    /**
     * Verifies the log in parts, so that a long one neither fills the memory nor blocks anybody.
     * @param next from the part before; left out for the first one
     * @param expect a head that was noted earlier, `position:mac`: rows up to there must be the same ones
     * @throws Refusal when `expect` is malformed, or lies before what was removed as old
     * @throws SealingKeyProblem when the key of the chain cannot be opened
     */
    async verify({
      next,
      expect,
    }: {
      next?: string | undefined
      expect?: string | undefined
    }): Promise<VerifiedPart> {
      const keyOf = await keys()
      return next === undefined ? firstPart(log, keyOf, expect) : nextPart(log, keyOf, next)
    },
  }
}

export type AuditAdministration = ReturnType<typeof auditAdministration>

/** A row as it is shown: plain data. */
export interface ShownRow {
  /** In the chain; null for the moment until it is chained. */
  readonly position: number | null
  readonly id: number
  /** UTC, ISO 8601, to the microsecond. */
  readonly at: string
  readonly event: string
  readonly actor: string
  readonly userId: string | null
  readonly clientId: string | null
  readonly requestId: string | null
  readonly address: string | null
  readonly details: unknown
}

function shown({ position, id, at, monthSlot: _, details, ...row }: LoggedRow): ShownRow {
  return {
    position: position === null ? null : Number(position),
    id: Number(id),
    at: `${at}Z`,
    ...row,
    details: JSON.parse(details),
  }
}

/** Looks at what lies outside the chain; the rows in it come with the next parts. */
async function firstPart(log: AuditLog, keyOf: KeyOf, expect: string | undefined): Promise<VerifiedPart> {
  const outside = await log.outside()
  if (outside === undefined)
    throw new Refusal(
      'audit_head_missing',
      'the audit log has no head: nothing was chained yet, or somebody removed it',
    )
  const floor = trueFloor(outside, keyOf)
  const { behind, late, head } = outside
  const findings: Finding[] = behind.map((row) => {
    return { finding: 'inserted', position: Number(row.position), row: noteOf(row) }
  })
  if (late.first) findings.push({ finding: 'unchained', rows: late.rows, row: noteOf(late.first) })
  const walk = beginWalk(floor, head, readExpected(expect, floor))
  if (walk.expected?.position === floor.position && !walk.expected.mac.equals(floor.mac)) {
    findings.push({ finding: 'cut', position: floor.position, noted: 'expected' })
  }
  return part(walk, findings, 0, writeProgress({ walk, after: undefined }))
}

async function nextPart(log: AuditLog, keyOf: KeyOf, next: string): Promise<VerifiedPart> {
  const progress = readProgress(next)
  const { floor, rows } = await readPage(log, keyOf, progress)
  const step = walkOn(raiseFloor(progress.walk, floor), rows, keyOf)
  if (rows.length < PAGE) return part(step.walk, [...step.findings, ...endWalk(step.walk)], rows.length)
  return part(step.walk, step.findings, rows.length, writeProgress({ walk: step.walk, after: rows.at(-1) }))
}

/** A page, and the floor that it stands on: old rows may be removed at any moment. */
async function readPage(log: AuditLog, keyOf: KeyOf, { walk, after }: Progress) {
  for (;;) {
    const before = await log.claims()
    const rows = await log.chained({ after, until: walk.end.position, limit: PAGE })
    const claims = await log.claims()
    if (before?.floor.position !== claims?.floor.position) continue
    return { rows, floor: claims ? trueFloor(claims, keyOf) : walk.floor }
  }
}

function part(walk: Walk, findings: readonly Finding[], rows: number, next?: string): VerifiedPart {
  return { next, rows, position: walk.position, end: walk.end.position, head: writePoint(walk.end), findings }
}

function readExpected(text: string | undefined, floor: ChainPoint): ChainPoint | undefined {
  if (text === undefined) return undefined
  const point = readPoint(text)
  if (point === undefined) {
    throw new Refusal(
      'expected_malformed',
      'what is expected is a position and 64 hexadecimal digits: 17:0123…',
    )
  }
  if (point.position >= floor.position) return point
  throw new Refusal(
    'expected_too_old',
    `rows up to position ${floor.position} were removed because they were old: expect a later one`,
  )
}

/** How far a verification is, between two parts. */
interface Progress {
  readonly walk: Walk
  readonly after: RowCursor | undefined
}

/** As text, for whoever asks for the next part. */
function writeProgress({ walk, after }: Progress): string {
  const cursor = after && { position: after.position, id: after.id, monthSlot: after.monthSlot }
  return JSON.stringify({ walk, after: cursor }, (_, value) => {
    return value?.type === 'Buffer' ? { hex: Buffer.from(value.data).toString('hex') } : value
  })
}

function readProgress(text: string): Progress {
  return JSON.parse(text, (_, value) =>
    typeof value?.hex === 'string' ? Buffer.from(value.hex, 'hex') : value,
  )
}
