import type { KeySchedule } from './schedule.ts'
import type { SymmetricKey, SymmetricPurpose } from './symmetric-key.ts'

/** All versions of one purpose, and what the database's clock said when they were read. */
export interface LoadedSymmetricKeys {
  /** In order of version. */
  readonly keys: readonly SymmetricKey[]
  /** Versions that exist but do not open: whatever they made cannot be judged. */
  readonly unopened: readonly number[]
  readonly now: Date
}

/** All symmetric keys: versions per purpose, never changed once they exist. */
export interface SymmetricKeys {
  /**
   * All versions of a purpose.
   * @throws SealingKeyProblem `wrong` when there are some, none opens, and another sealing key has sealed them
   * @throws Unavailable when the database does not answer
   */
  load(purpose: SymmetricPurpose): Promise<LoadedSymmetricKeys>
  /** Makes version 1, to be used at once, unless there is one; two nodes that start together make one. */
  ensure(purpose: SymmetricPurpose): Promise<void>
  /**
   * Makes the next version. Audited. Without `activatesAt` it is used as early as every node knows it.
   * @throws Refusal `too_early` for an earlier time
   */
  add(
    purpose: SymmetricPurpose,
    options: { schedule: KeySchedule; actor: string; activatesAt?: Date },
  ): Promise<{ version: number; activatesAt: Date }>
  /**
   * Takes a key of an earlier system over as the next version, to be used at once. Audited.
   * @param said what the audit row has to say of it besides; no secret
   */
  takeOver(
    purpose: SymmetricPurpose,
    key: Uint8Array,
    actor: string,
    said: Readonly<Record<string, string | boolean>>,
  ): Promise<void>
}
