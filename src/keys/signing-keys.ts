import type { KeyObject } from 'node:crypto'
import type { JWK } from 'jose'
import type { SigningAlgorithm } from './algorithms.ts'
import type { SealedKeyPair } from './key-material.ts'
import type { MaintenanceStep } from './rotation.ts'
import type { KeySchedule } from './schedule.ts'
import type { SigningKey } from './signing-key.ts'

/** A signing key with its material, as it is stored. */
export interface StoredSigningKey extends SigningKey {
  readonly publicJwk: JWK
  /** Null once it has been wiped. */
  readonly sealedPrivateKey: Buffer | null
  /** The fingerprint of the line that sealed it; null where an earlier release did. */
  readonly sealedWith: string | null
}

/** All keys, and what the database's clock said when they were read. */
export interface LoadedSigningKeys {
  readonly keys: readonly StoredSigningKey[]
  readonly now: Date
  /** The longest `max-age` of the JWKS that caches may have been told by any node, a day ago at the least; null where none has. */
  readonly jwksMaxAgeSeconds: number | null
}

/** A date for a key. */
export interface Activation {
  readonly kid: string
  readonly activatesAt: Date
}

/** One change to the set that an operator asks for. */
export type KeyChange =
  | ({ readonly change: 'activate' } & Activation)
  /** From this moment on it is worth nothing; its private part is wiped. */
  | { readonly change: 'revoke'; readonly kid: string }
  /** Published from this moment on. */
  | { readonly change: 'import'; readonly pair: SealedKeyPair; readonly activatesAt: Date | null }

/** All signing keys, of every algorithm this release knows. The order is the same at every reading. */
export interface SigningKeys {
  /** @throws Unavailable when the database does not answer */
  load(): Promise<LoadedSigningKeys>
  /**
   * Does what `maintenanceSteps` says, one node at a time, and returns what was done. Each step is audited.
   * @throws SealingKeyProblem `wrong` when a key must be made but the sealing key opens nothing that is stored
   */
  maintain(schedule: KeySchedule): Promise<MaintenanceStep[]>
  /**
   * Publishes the first key of an algorithm, to sign after the full delay. Audited.
   * @returns the key; nothing where the algorithm has been introduced before
   * @throws SealingKeyProblem `wrong`
   */
  introduce(
    algorithm: SigningAlgorithm,
    schedule: KeySchedule,
    actor: string,
  ): Promise<Activation | undefined>
  /**
   * Sets the dates that `decide` returns for the keys as they are, with no other node in between. Audited.
   * When `decide` throws, nothing is changed.
   */
  activate<Planned extends Activation>(
    decide: (loaded: LoadedSigningKeys) => readonly Planned[],
    actor: string,
  ): Promise<readonly Planned[]>
  /**
   * Seals a private key as it is stored, for an `import`.
   * @throws Refusal `unsuitable_key`
   */
  seal(algorithm: SigningAlgorithm, privateKey: KeyObject): Promise<SealedKeyPair>
  /**
   * Makes the changes that `decide` returns for the keys as they are, with no other node in between, and returns its
   * result. Audited. When `decide` throws, nothing is changed.
   * @throws SealingKeyProblem `wrong` when a key is to be added but the sealing key opens nothing that is stored
   */
  change<Result>(
    decide: (loaded: LoadedSigningKeys) => { changes: readonly KeyChange[]; result: Result },
    actor: string,
  ): Promise<Result>
}
