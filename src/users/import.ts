import { randomUUID } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { readForeignHash } from '../passwords/foreign-hash.ts'
import { Refusal } from '../refusal.ts'
import { checkEmail, checkUsername, normalizeIdentifier } from './identifier.ts'
import { type ImportedUser, readImportedUser } from './imported-user-input.ts'
import type { User } from './user.ts'
import type { Users } from './users.ts'

/** One row of a file, and where it stands. */
export interface ImportedRow {
  readonly line: number
  readonly fields: Readonly<Record<string, unknown>>
}

export interface ImportOptions {
  /** Whether MD5 and SHA-1 hashes are taken over. */
  readonly isLegacyAllowed: boolean
}

/** What became of a row. */
export type RowReport = { readonly line: number; readonly username: string } & (
  | { readonly outcome: 'added' }
  /** The same user is there already: nothing was changed. */
  | { readonly outcome: 'present' }
  | { readonly outcome: 'refused'; readonly error: string; readonly message: string }
)

/**
 * Takes one user over from elsewhere. A user who is there already, with the same names, stays as they are, so that an import
 * can be repeated; names that belong to somebody else are refused and said.
 */
export async function importUser(
  parts: { users: Users; clock: Clock },
  { line, fields }: ImportedRow,
  options: ImportOptions,
  actor: string,
): Promise<RowReport> {
  const username = String(fields['username'] ?? '')
  try {
    return { line, username, outcome: await take(parts, readImportedUser(fields), options, actor) }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { line, username, outcome: 'refused', error: error.code, message: error.message }
  }
}

async function take(
  { users, clock }: { users: Users; clock: Clock },
  row: ImportedUser,
  options: ImportOptions,
  actor: string,
): Promise<'added' | 'present'> {
  checkUsername(row.username)
  const email = checkEmail(row.email)
  const passwordHash = hashOf(row, options)
  const holder = await holderOf(users, row.username)
  if (holder && isSame(holder, { id: row.id, username: row.username, email })) return 'present'
  if (holder) throw taken(row.username, holder)

  const id = row.id ?? randomUUID()
  const isSuperuser = row.is_superuser ?? false
  const details = { isSuperuser, hasPassword: passwordHash !== null }
  const isAdded = await users.add(
    {
      id,
      username: row.username,
      email,
      passwordHash,
      isActive: row.is_active ?? true,
      isStaff: row.is_staff ?? false,
      isSuperuser,
      joinedAt: row.joined_at ?? clock.now(),
      extra: row.extra ?? {},
    },
    { event: 'user.imported', actor, userId: id, details },
  )
  if (isAdded) return 'added'
  const other = email === null ? undefined : await holderOf(users, email)
  if (other && email !== null) throw taken(email, other)
  throw new Refusal('id_taken', `the id ${id} belongs to another user already`)
}

function hashOf(row: ImportedUser, options: ImportOptions): string | null {
  const hash = readForeignHash(row.password_hash ?? '', options)
  if (hash.outcome === 'accepted') return hash.passwordHash
  if (hash.outcome === 'legacy') {
    throw new Refusal('hash_legacy', 'MD5 and SHA-1 hashes are taken over with --allow-legacy-hashes only')
  }
  throw new Refusal('hash_unusable', 'the hash is of no known format, malformed, or asks for too much work')
}

async function holderOf(users: Users, identifier: string): Promise<User | undefined> {
  return (await users.findByIdentifier(identifier))?.user
}

function isSame(
  user: User,
  row: { id: string | undefined; username: string; email: string | null },
): boolean {
  return (
    (row.id === undefined || row.id === user.id) &&
    normalizeIdentifier(row.username) === normalizeIdentifier(user.username) &&
    normalizeIdentifier(row.email ?? '') === normalizeIdentifier(user.email ?? '')
  )
}

function taken(identifier: string, { id, username }: User): Refusal {
  const holder = JSON.stringify(username)
  return new Refusal(
    'username_taken',
    `${JSON.stringify(identifier)} belongs to user ${holder} (${id}) already`,
  )
}
