import { readdirSync } from 'node:fs'
import { setPriority } from 'node:os'
import { passwordHashing, type Verification } from './password-hash.ts'

/**
 * A process that hashes passwords for its parent, one at a time: in the process that signs, a queue of hashes would hold
 * up every signature. It ends with its parent. It writes nothing: there is nothing here that may be written down.
 */

/** What the parent asks. */
export type HashRequest =
  | { readonly task: 'hash'; readonly password: string }
  | { readonly task: 'verify'; readonly password: string; readonly stored: string | undefined }

/** What it is told: a new hash, or what a check found. */
export type HashAnswer =
  | { readonly hash: string }
  | { readonly verification: Verification }
  | { readonly failure: string }

/** Below everything that answers requests; hashing takes the cores that are left over. */
const NICENESS = 10

const hashing = passwordHashing()

process.on('disconnect', () => process.exit())
// Ctrl-C and a supervisor's SIGTERM reach all processes of the service; the parent still wants its last logins answered.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})
process.on('message', (request: HashRequest) => {
  answer(request).then(
    (answer) => process.send?.(answer),
    (error: Error) => process.send?.({ failure: error.message } satisfies HashAnswer),
  )
})
lowerPriority()

async function answer(request: HashRequest): Promise<HashAnswer> {
  if (request.task === 'hash') return { hash: await hashing.hash(request.password) }
  return { verification: await hashing.verify(request.password, request.stored) }
}

/** Linux keeps a priority for each thread; the one that hashes has been started before we get here. */
function lowerPriority(): void {
  try {
    for (const thread of readdirSync('/proc/self/task')) setPriority(Number(thread), NICENESS)
  } catch {
    setPriority(NICENESS)
  }
}
