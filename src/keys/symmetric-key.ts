import { randomBytes } from 'node:crypto'
import { addSeconds } from '../clock.ts'
import { seal } from '../crypto/envelope.ts'
import { Refusal } from '../refusal.ts'
import type { KeySchedule } from './schedule.ts'
import type { SealingKey, SealingKeyLine } from './sealing-key.ts'

/** What symmetric keys are for. One row to add here, and the type forbids any other. */
export const SYMMETRIC_PURPOSES = [
  'refresh-token',
  'audit',
  'authtoken',
  'old-refresh-token',
  'webhook',
  'rate-limit',
] as const

export type SymmetricPurpose = (typeof SYMMETRIC_PURPOSES)[number]

/** One version of the key for a purpose. */
export interface SymmetricKey {
  /** From 1, without gaps. */
  readonly version: number
  /** 32 bytes; what an earlier system's key comes to has its own length. */
  readonly key: Buffer
  /** From when on it may be used for something new; what it made is accepted before, too. */
  readonly activatesAt: Date
}

/** 256 bits, for HMAC-SHA-256 and HKDF. */
const KEY_BYTES = 32

/**
 * The earliest moment at which a version made now may be used for something new: every node has had two occasions to
 * read it, so none meets it unprepared.
 */
export function earliestSymmetricActivation(now: Date, schedule: KeySchedule): Date {
  return addSeconds(now, 2 * schedule.reloadPeriodSeconds)
}

/** @throws Refusal `too_early` when `activatesAt` is before `earliestSymmetricActivation` */
export function requireSymmetricDelay(activatesAt: Date, now: Date, schedule: KeySchedule): void {
  const earliest = earliestSymmetricActivation(now, schedule)
  if (activatesAt.getTime() >= earliest.getTime()) return
  throw new Refusal(
    'too_early',
    `some node may not have read the new version before ${earliest.toISOString()}: ask for that time or later`,
  )
}

/** A new random key, sealed for its row. */
export function sealNewSymmetricKey(row: { purpose: string; version: number }, line: SealingKeyLine): Buffer {
  const key = randomBytes(KEY_BYTES)
  const sealed = sealSymmetricKey(row, key, line)
  key.fill(0)
  return sealed
}

/** A key that is there already, sealed for its row. */
export function sealSymmetricKey(
  row: { purpose: string; version: number },
  key: Uint8Array,
  line: SealingKeyLine,
): Buffer {
  return seal(line.bytes, key, symmetricKeyContext(row))
}

/** @throws Error when the sealing key or the row is another one, or a bit has changed */
export function openSymmetricKey(
  row: { purpose: string; version: number },
  sealed: Uint8Array,
  sealingKey: SealingKey,
): Buffer {
  return sealingKey.open(sealed, symmetricKeyContext(row)).opened
}

/** Whether `sealingKey` opens this row. */
export function opensSymmetricKey(
  row: { purpose: string; version: number },
  sealed: Uint8Array,
  sealingKey: SealingKey,
): boolean {
  return sealingKey.opens(sealed, symmetricKeyContext(row))
}

/** What a sealed symmetric key is bound to: its purpose and its version. */
export function symmetricKeyContext({ purpose, version }: { purpose: string; version: number }): string {
  return `symmetric:${purpose}:${version}`
}
