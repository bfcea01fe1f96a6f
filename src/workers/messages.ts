import type { Verification } from '../passwords/password-hash.ts'

/** What a worker asks of the hash processes, which belong to the primary. */
export type HashJob =
  | { readonly task: 'hash'; readonly password: string }
  | { readonly task: 'verify'; readonly password: string; readonly stored: string | undefined }

/** What became of it. */
export type HashResult =
  | { readonly hash: string }
  | { readonly verification: Verification }
  | { readonly refused: { readonly reason: string; readonly retryAfterSeconds: number } }

/** From a worker to the primary. Others use the channel, too: `keyturn` says that a message is ours. */
export type FromWorker =
  | { readonly keyturn: 'listening' }
  | { readonly keyturn: 'metrics'; readonly id: number; readonly metrics: object[] }
  | { readonly keyturn: 'hash'; readonly id: number; readonly job: HashJob }

/** From the primary to a worker. */
export type FromPrimary =
  | { readonly keyturn: 'stop' }
  | { readonly keyturn: 'metrics'; readonly id: number }
  | { readonly keyturn: 'hash_begins'; readonly id: number }
  | { readonly keyturn: 'hash_ends'; readonly id: number; readonly result: HashResult }
