import { randomBytes, randomUUID } from 'node:crypto'
import { systemClock } from '../../src/clock.ts'
import type { Database } from '../../src/postgres/database.ts'
import { withRequest } from '../../src/telemetry/request-context.ts'
import { readPresentedPostgres } from '../../src/tokens/presented-postgres.ts'
import type { RefreshFamilies } from '../../src/tokens/refresh-families.ts'

const CLIENT = 'client_0123456789abcdef0123'
/** What a phone's browser sends, about as long as they are. */
const USER_AGENT =
  'Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36'
const DAY_MS = 86_400_000
const IDLE_MS = 14 * DAY_MS
const ABSOLUTE_MS = 90 * DAY_MS
/** Between two refreshes of a session: 80 % of an access token's life. */
export const REFRESH_EVERY_SECONDS = 480
/** Requests under way at a time: as many as a busy node has, so that reads coalesce and batches fill. */
const IN_FLIGHT = 200
const RULES = { retryWindowSeconds: 60, latePolicy: 'revoke' } as const

/** A family that is being exercised, and the generation that its client holds. */
export interface Exercised {
  readonly id: Buffer
  generation: number
}

/** The stores as the program joins them. */
export interface ExercisedStores {
  readonly database: Database
  readonly families: RefreshFamilies
}

/**
 * Signs users in, one session and family each, through the store that the token endpoint uses.
 * @param count how many; their users and the client are made here
 * @param start the present of the first login
 */
export async function beginSessions(
  { database, families }: ExercisedStores,
  count: number,
  start: Date,
): Promise<Exercised[]> {
  const userIds = Array.from({ length: count }, () => randomUUID())
  await database.query(
    `insert into users (id, username, email, joined_at)
     select id, 'user-' || left(id, 8), left(id, 8) || '@example.com', $2 from unnest($1::text[]) as id`,
    [userIds, start],
  )
  await database.query(
    `insert into clients (id, name, is_confidential, authentication_methods, late_policy, created_at)
     values ($1, 'app', false, '{none}', 'revoke', $2) on conflict do nothing`,
    [CLIENT, start],
  )
  const exercised: Exercised[] = []
  await eachOf(userIds, async (userId) => {
    const id = randomBytes(16)
    const sessionId = randomBytes(16).toString('base64url')
    const anchor = { generation: 1, predecessor: 0, rotatedAt: start, keyVersion: 1, lateUsed: false }
    const family = {
      id,
      sessionId,
      userId,
      clientId: CLIENT,
      scope: ['openid', 'profile', 'read'],
      audience: ['https://api.example.com'],
      salt: randomBytes(16),
      absoluteExpiresAt: new Date(start.getTime() + ABSOLUTE_MS),
      idleExpiresAt: new Date(start.getTime() + IDLE_MS),
      endedAt: null,
      anchor,
    }
    const session = {
      id: sessionId,
      userId,
      clientId: CLIENT,
      authenticatedAt: start,
      authenticationMethods: ['pwd'],
      passwordChangedAt: null,
      expiresAt: family.idleExpiresAt,
      family,
    }
    const request = { id: randomUUID(), address: '203.0.113.66', userAgent: USER_AGENT }
    const hasBegun = await withRequest(request, () => families.begin(session))
    if (!hasBegun) throw new Error('a session did not begin')
    exercised.push({ id, generation: 1 })
  })
  return exercised
}

/**
 * Refreshes every session once, the way a request does: one read of what is presented (shared), one step in the fast
 * store, an anchor that is waiting when this returns or before.
 * @param now the present of this round; rounds lie apart as a client's refreshes do
 * @throws Error when anything but a plain rotation comes of it
 */
export async function rotateOnce(
  { database, families }: ExercisedStores,
  exercised: readonly Exercised[],
  now: Date,
): Promise<void> {
  const readPresented = readPresentedPostgres(database, systemClock)
  const idleExpiresAt = new Date(now.getTime() + IDLE_MS)
  await eachOf(exercised, async (held) => {
    const { family } = await readPresented(CLIENT, held.id)
    if (!family || family.sessionEnded) throw new Error('a live family is gone')
    const request = { presented: held.generation, now, keyVersion: 1, rules: RULES, idleExpiresAt }
    const { outcome, position } = await families.rotate(family.family, request)
    if (outcome !== 'rotated') throw new Error(`unexpected outcome: ${outcome}`)
    held.generation = position.generation
  })
}

/** Ends families, as a revocation does. */
export async function endFamilies(
  { database, families }: ExercisedStores,
  exercised: readonly Exercised[],
  now: Date,
): Promise<void> {
  const readPresented = readPresentedPostgres(database, systemClock)
  await eachOf(exercised, async ({ id }) => {
    const { family } = await readPresented(CLIENT, id)
    if (family) await families.end(family.family, 'revoked', `client:${CLIENT}`, now)
  })
}

/** Does the work for each item, so many at a time. */
async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async () => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) await work(item)
  }
  await Promise.all(Array.from({ length: Math.min(IN_FLIGHT, items.length) }, worker))
}
