import type { LatePolicy } from '../../src/clients/client.ts'

/** Who asked: an honest client, one that is robbed or logged out on purpose, a thief, or somebody who ends sessions. */
export type Actor = 'client' | 'victim' | 'thief' | 'revoker'

/** What was answered; `lost` where nobody knows: no answer, or half of one. */
export type Answer =
  | {
      readonly status: number
      /** The OAuth error. */
      readonly error?: string | undefined
      readonly hasRetryAfter?: boolean
      /** The refresh token that was handed out. */
      readonly successor?: string | undefined
      /** Of an introspection. */
      readonly isActive?: boolean | undefined
    }
  | { readonly lost: string }

/** One request, from the moment it was sent to the moment its answer was there (or given up). */
export interface Operation {
  readonly kind: 'login' | 'refresh' | 'revoke' | 'introspect' | 'client_credentials' | 'jwks'
  readonly actor: Actor
  /** Of the client in whose name it was sent. */
  readonly latePolicy: LatePolicy
  /** The refresh token that was presented, to be traded, revoked or introspected. */
  readonly token?: string | undefined
  /** Milliseconds on one clock for the whole history. */
  readonly invokedAt: number
  readonly completedAt: number
  readonly answer: Answer
  /** Where it was sent to. */
  readonly node: string
}

/** Where operations are written down, in the order in which they completed. */
export interface History {
  readonly operations: readonly Operation[]
  add(operation: Operation): void
}

/** An empty history. */
export function makeHistory(): History {
  const operations: Operation[] = []
  return { operations, add: (operation) => void operations.push(operation) }
}

/** What a refresh token says to whoever can read: the wire form of src/tokens/refresh-token.ts. */
export function readToken(token: string): { family: string; generation: number } {
  const bytes = Buffer.from(token.slice('rt1.'.length), 'base64url')
  return { family: bytes.subarray(2, 18).toString('base64url'), generation: bytes.readUInt32BE(18) }
}

/** Whether the operation was answered with a success. */
export function succeeded({ answer }: Operation): boolean {
  return 'status' in answer && answer.status === 200
}
