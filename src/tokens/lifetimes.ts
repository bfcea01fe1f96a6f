import { addSeconds } from '../clock.ts'
import type { TokenHolder } from './authorization.ts'
import type { RefreshFamily } from './refresh-families.ts'
import type { Position } from './rotation.ts'

/** How long things live, seconds. */
export interface Lifetimes {
  readonly accessTokenTtlSeconds: number
  /** Since the last real rotation. */
  readonly refreshIdleTtlSeconds: number
  /** Since the login; never moves. */
  readonly refreshAbsoluteTtlSeconds: number
}

/** The client's own lifetimes where it has them, the configuration's otherwise. */
export function lifetimesOf(
  client: Pick<TokenHolder, 'accessTokenTtlSeconds' | 'refreshIdleTtlSeconds' | 'refreshAbsoluteTtlSeconds'>,
  defaults: Lifetimes,
): Lifetimes {
  return {
    accessTokenTtlSeconds: client.accessTokenTtlSeconds ?? defaults.accessTokenTtlSeconds,
    refreshIdleTtlSeconds: client.refreshIdleTtlSeconds ?? defaults.refreshIdleTtlSeconds,
    refreshAbsoluteTtlSeconds: client.refreshAbsoluteTtlSeconds ?? defaults.refreshAbsoluteTtlSeconds,
  }
}

/** Those of a session whose login did not ask to be remembered: its absolute end is nearer where the client says so. */
export function unrememberedLifetimes(
  { unrememberedTtlSeconds }: Pick<TokenHolder, 'unrememberedTtlSeconds'>,
  ttl: Lifetimes,
): Lifetimes {
  const longest = unrememberedTtlSeconds ?? ttl.refreshAbsoluteTtlSeconds
  return { ...ttl, refreshAbsoluteTtlSeconds: Math.min(longest, ttl.refreshAbsoluteTtlSeconds) }
}

/** Where the idle expiry stands after a use at `now`: it slides, but never past the absolute one. */
export function idleExpiry(now: Date, absoluteExpiresAt: Date, { refreshIdleTtlSeconds }: Lifetimes): Date {
  return new Date(Math.min(addSeconds(now, refreshIdleTtlSeconds).getTime(), absoluteExpiresAt.getTime()))
}

/**
 * When the family ends by itself. The record's idle expiry may be one flush behind, or one use behind where a node died
 * before its flush; the position that the fast store has is as good a witness, and the later of the two counts.
 */
export function familyExpiry(family: RefreshFamily, position: Position, lifetimes: Lifetimes): Date {
  const slid = idleExpiry(position.rotatedAt, family.absoluteExpiresAt, lifetimes)
  return new Date(Math.max(slid.getTime(), family.idleExpiresAt.getTime()))
}
