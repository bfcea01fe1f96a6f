import type { Client } from '../clients/client.ts'
import type { Clock } from '../clock.ts'
import { Refusal } from '../refusal.ts'
import type { Session } from '../sessions/session.ts'
import { Unavailable } from '../unavailable.ts'
import type { AccessTokens } from './access-token.ts'
import type { Explanation, Lineages } from './explanation.ts'
import type { PresentedFamily, ReadPresented } from './presented.ts'
import type { RefreshFamilies } from './refresh-families.ts'
import { outcomeOf } from './refresh-outcome.ts'
import type { RefreshStanding } from './refresh-standing.ts'
import type { RefreshToken, RefreshTokens } from './refresh-token.ts'
import { refreshReason, rotationReason } from './refusal-reasons.ts'
import { rotate } from './rotation.ts'
import { basisOf, type TokenStanding } from './token-standing.ts'

/** What explaining works with. */
export interface ExplainParts {
  readonly accessTokens: AccessTokens
  readonly refreshTokens: RefreshTokens
  readonly readPresented: ReadPresented
  readonly refreshStanding: RefreshStanding
  readonly families: RefreshFamilies
  readonly standing: TokenStanding
  readonly findSession: (id: string) => Promise<Session | undefined>
  readonly lineages: Lineages
  readonly retryWindowSeconds: number
  readonly clock: Clock
}

/** What led there. */
type Around = Pick<Explanation, 'session' | 'families' | 'events' | 'note'>

/** 128 random bits, as base64url: the id of a session, or without the prefix of a family (or of an early session). */
const ID = /^(s_)?[A-Za-z0-9_-]{22}$/
const JWT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/

/**
 * Makes `keyturn explain`: says of a refresh token, an access token, a session or a family what it is worth now, which
 * rule decides that, and what led there. It asks the same checks as the endpoints do, and changes nothing.
 * @throws Refusal `not_explainable` where the text is none of these
 */
export function makeExplain(parts: ExplainParts): (text: string) => Promise<Explanation> {
  const { accessTokens, refreshTokens, readPresented, standing, lineages, clock } = parts

  async function context(sessionId: string | undefined): Promise<Around> {
    const session = sessionId === undefined ? undefined : await parts.findSession(sessionId)
    if (!session) return { families: [], events: [] }
    const [families, logged] = await Promise.all([lineages.familiesOf(session.id), eventsOf(session)])
    return { session, families, ...logged }
  }

  /** The audit log is long, and what a token is worth does not depend on it: without it there is an answer all the same. */
  async function eventsOf(session: Session) {
    try {
      return { events: await lineages.eventsOf(session) }
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error
      return { events: [], note: 'the audit log did not answer: its events are missing here' }
    }
  }

  async function ofRefreshToken(text: string): Promise<Explanation> {
    const kind = 'refresh_token'
    const token = refreshTokens.parse(text)
    if (!token) {
      const because = refreshReason('refresh_token_malformed')
      return { kind, outcome: 'unknown', because, families: [], events: [] }
    }
    const { familyId, generation, keyVersion } = token
    const says = { family: familyId.toString('base64url'), generation, keyVersion }
    const holder = (await readPresented('', familyId)).family?.family.clientId
    // Once more as its holder presents it: what has ended with a client is told to that client only.
    const { family: found, client } = await readPresented(holder ?? '', familyId)
    const verdict = await judge(token, found, client?.client)
    const around = await context(found?.family.sessionId)
    const { session } = around
    const isEnded = verdict.outcome === 'revoked' && session?.state === 'ended'
    const because = isEnded ? `${verdict.because}: ${stateOf(session)}` : verdict.because
    return { kind, outcome: verdict.outcome, because, token: says, ...around }
  }

  /** As its own client would find. */
  async function judge(token: RefreshToken, found: PresentedFamily | undefined, client: Client | undefined) {
    if (!client) return { outcome: 'unknown', because: refreshReason('refresh_token_unknown') } as const
    if (client.disabledAt !== null)
      return { outcome: 'revoked', because: `client ${client.id} is disabled` } as const
    const now = clock.now()
    const stand = await parts.refreshStanding(token, found, client, now)
    if (stand.outcome !== 'live') return { outcome: stand.outcome, because: refreshReason(stand.reason) }
    const position = await parts.families.position(stand.found.family)
    const rules = { retryWindowSeconds: parts.retryWindowSeconds, latePolicy: client.latePolicy }
    const { outcome } = rotate(position, token.generation, now, token.keyVersion, rules)
    const because = rotationReason(outcome, token.generation, position, now, rules)
    return { outcome: outcomeOf({ outcome, position, rebuilt: false, degraded: false }), because }
  }

  async function ofAccessToken(text: string): Promise<Explanation> {
    const kind = 'access_token'
    const { token, isExpired, isBeforeRevocation } = await accessTokens.read(text)
    if (!token) {
      const because =
        'no key that is published signed it, or it is not one of our access tokens: altered, another issuer’s, or its key is gone or revoked'
      return { kind, outcome: 'inactive', because, families: [], events: [] }
    }
    const stands = await standing.stands(basisOf(token))
    const rest = { kind, token: { ...token }, ...(await context(token.sessionId)) } as const
    if (isExpired) return { ...rest, outcome: 'inactive', because: 'it has expired' }
    if (isBeforeRevocation) {
      const because =
        'it was issued before a signing key was revoked, and nothing from before that counts here; its client gets ' +
        'another by refreshing. Until it expires, only introspection knows'
      return { ...rest, outcome: 'inactive', because }
    }
    if (stands) return { ...rest, outcome: 'active', because: 'nothing that it rests on has ended' }
    const because =
      rest.session && rest.session.state !== 'live'
        ? `its session is ${stateOf(rest.session)}; until it expires, only introspection knows`
        : 'the token itself, its client, its user or its family has ended; until it expires, only introspection knows'
    return { ...rest, outcome: 'inactive', because }
  }

  async function ofId(id: string): Promise<Explanation> {
    const asSession = await context(id)
    const sessionId = asSession.session ? id : await lineages.sessionOf(Buffer.from(id, 'base64url'))
    const found = asSession.session ? asSession : await context(sessionId)
    const { session } = found
    if (!session) {
      throw new Refusal(
        'not_explainable',
        `${id} is no session and no family in the record: it may have been removed, seven days after its end`,
      )
    }
    const outcome = session.state === 'live' ? 'active' : 'inactive'
    const kind = asSession.session ? 'session' : 'family'
    return { kind, outcome, because: `the session is ${stateOf(session)}`, ...found }
  }

  return async (text) => {
    if (text.startsWith('rt1.')) return ofRefreshToken(text)
    if (ID.test(text)) return ofId(text)
    if (JWT.test(text)) return ofAccessToken(text)
    throw new Refusal(
      'not_explainable',
      'that is neither a refresh token (rt1.…), an access token (a JWT) nor the id of a session or family (sid or fid in access tokens)',
    )
  }
}

function stateOf({ state, endReason, endedAt }: Session): string {
  if (state !== 'ended') return state
  return `ended (${endReason}${endedAt === null ? '' : `, ${endedAt.toISOString()}`})`
}
