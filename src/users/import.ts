import { randomUUID } from 'node:crypto'
import type { AuditEvent } from '../audit/events.ts'
import type { Clock } from '../clock.ts'
import { readForeignHash } from '../passwords/foreign-hash.ts'
import { Refusal } from '../refusal.ts'
import { checkEmail, checkUsername, identifiersOf, normalizeIdentifier } from './identifier.ts'
import { type ImportedUser, readImportedUser } from './imported-user-input.ts'
import type { NewUser, Users } from './users.ts'

/** One row of a file, and where it stands. */
export interface ImportedRow {
  readonly line: number
  readonly fields: Readonly<Record<string, unknown>>
}

export interface ImportOptions {
  /** Whether MD5 and SHA-1 hashes are taken over. */
  readonly isLegacyAllowed: boolean
  /** Whether only to say what would become of each row. */
  readonly isDryRun?: boolean | undefined
  /** Whether a user whose e-mail address somebody else has comes along without it; refused otherwise. */
  readonly dropsDuplicateEmails?: boolean | undefined
}

/** What became of a row. */
export type RowReport = { readonly line: number; readonly username: string } & (
  | { readonly outcome: 'added'; readonly droppedEmail?: string }
  /** The same user is there already: nothing was changed. */
  | { readonly outcome: 'present' }
  | { readonly outcome: 'refused'; readonly error: string; readonly message: string }
)

/** A row that could be a user. */
interface Candidate {
  readonly line: number
  readonly user: NewUser
  /** Whether the row named the id. */
  readonly hasId: boolean
}

/** Whose a name is: a user who is there, or one of an earlier row. */
type Holder = Pick<NewUser, 'id' | 'username' | 'email'>

/**
 * Takes users over from elsewhere, a few hundred in one transaction. A user who is there already, with the same names, stays as
 * they are, so that an import can be repeated; names that belong to somebody else are refused and said.
 * @returns what became of each row, in the order of the rows
 */
export async function importUsers(
  { users, clock }: { users: Users; clock: Clock },
  rows: readonly ImportedRow[],
  options: ImportOptions,
  actor: string,
): Promise<RowReport[]> {
  const eventOf = importedBy(actor)
  const read = rows.map((row) => readCandidate(row, options, clock))
  const candidates = read.filter((one) => 'user' in one)
  const { byIdentifier, takenIds } = await users.findHolders(
    candidates.flatMap(({ user }) => identifiersOf(user)),
    candidates.map(({ user }) => user.id),
  )
  const holders = new Map<string, Holder>(byIdentifier)
  const reports = read.map((one) => ('user' in one ? judge(one, holders, takenIds, options) : one))

  const toAdd = new Map(reports.map((report) => [report.line, report]))
  const added = candidates.flatMap((candidate) => {
    const report = toAdd.get(candidate.line)
    if (report?.outcome !== 'added') return []
    return [report.droppedEmail === undefined ? candidate : withoutEmail(candidate)]
  })
  if (options.isDryRun || added.length === 0) return reports
  if (
    await users.addAll(
      added.map(({ user }) => user),
      eventOf,
    )
  )
    return reports
  // Somebody else has taken a name or an id since: find out who is concerned.
  const late = new Map<number, RowReport>()
  for (const { line, user } of added) {
    if (await users.add(user, eventOf(user))) continue
    const message = 'the username, the e-mail address or the id was taken meanwhile'
    late.set(line, { line, username: user.username, ...refused(new Refusal('username_taken', message)) })
  }
  return reports.map((report) => late.get(report.line) ?? report)
}

function importedBy(actor: string): (user: NewUser) => AuditEvent {
  return ({ id, isSuperuser, passwordHash }) => ({
    event: 'user.imported',
    actor,
    userId: id,
    details: { isSuperuser, hasPassword: passwordHash !== null },
  })
}

function readCandidate(
  { line, fields }: ImportedRow,
  options: ImportOptions,
  clock: Clock,
): Candidate | RowReport {
  try {
    const row = readImportedUser(fields)
    checkUsername(row.username)
    return { line, user: toUser(row, options, clock), hasId: row.id !== undefined }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { line, username: String(fields['username'] ?? ''), ...refused(error) }
  }
}

function toUser(row: ImportedUser, options: ImportOptions, clock: Clock): NewUser {
  return {
    id: row.id ?? randomUUID(),
    username: row.username,
    email: checkEmail(row.email),
    passwordHash: hashOf(row, options),
    isActive: row.is_active ?? true,
    isStaff: row.is_staff ?? false,
    isSuperuser: row.is_superuser ?? false,
    joinedAt: row.joined_at ?? clock.now(),
    lastLoginAt: row.last_login_at ?? null,
    extra: row.extra ?? {},
  }
}

function hashOf(row: ImportedUser, options: ImportOptions): string | null {
  const hash = readForeignHash(row.password_hash ?? '', options)
  if (hash.outcome === 'accepted') return hash.passwordHash
  if (hash.outcome === 'legacy') {
    throw new Refusal('hash_legacy', 'MD5 and SHA-1 hashes are taken over with --allow-legacy-hashes only')
  }
  throw new Refusal('hash_unusable', 'the hash is of no known format, malformed, or asks for too much work')
}

/** What becomes of a candidate among those who hold its names; one that is added holds them from now on. */
function judge(
  candidate: Candidate,
  holders: Map<string, Holder>,
  takenIds: Set<string>,
  options: ImportOptions,
): RowReport {
  const { line, user, hasId } = candidate
  const { username, id, email } = user
  const identifiers = identifiersOf(user)
  const holder = holders.get(normalizeIdentifier(username))
  if (holder && isSame(holder, user, hasId)) return { line, username, outcome: 'present' }
  const clash = identifiers.find((identifier) => holders.has(identifier))
  if (options.dropsDuplicateEmails && email !== null && holders.has(normalizeIdentifier(email))) {
    // Without the address it may well be there from an earlier import.
    const report = judge(withoutEmail(candidate), holders, takenIds, options)
    return report.outcome === 'added' ? { ...report, droppedEmail: email } : report
  }
  if (clash !== undefined) {
    const name = clash === normalizeIdentifier(username) ? username : (user.email ?? '')
    return { line, username, ...refused(taken(name, holders.get(clash) as Holder)) }
  }
  if (takenIds.has(id)) {
    return {
      line,
      username,
      ...refused(new Refusal('id_taken', `the id ${id} belongs to another user already`)),
    }
  }
  for (const identifier of identifiers) holders.set(identifier, user)
  takenIds.add(id)
  return { line, username, outcome: 'added' }
}

function withoutEmail(candidate: Candidate): Candidate {
  return { ...candidate, user: { ...candidate.user, email: null } }
}

function isSame(holder: Holder, user: NewUser, hasId: boolean): boolean {
  return (
    (!hasId || holder.id === user.id) &&
    normalizeIdentifier(holder.username) === normalizeIdentifier(user.username) &&
    normalizeIdentifier(holder.email ?? '') === normalizeIdentifier(user.email ?? '')
  )
}

function refused({ code, message }: Refusal) {
  return { outcome: 'refused', error: code, message } as const
}

function taken(identifier: string, { id, username }: Holder): Refusal {
  return new Refusal(
    'username_taken',
    `${JSON.stringify(identifier)} belongs to user ${JSON.stringify(username)} (${id}) already`,
  )
}
