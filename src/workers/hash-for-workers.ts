import type { Hasher } from '../passwords/hasher.ts'
import { Unavailable } from '../unavailable.ts'
import type { FromPrimary, FromWorker, HashJob, HashResult } from './messages.ts'

/**
 * Does what a worker asks of the hash processes, in the one queue that all workers share. A job of a worker that has died is
 * finished for nobody: it has its place until its hash ends.
 * @param send to that worker
 * @returns to be called with each of its messages
 */
export function hashForWorker(hasher: Hasher, send: (message: FromPrimary) => void) {
  return (message: FromWorker): void => {
    if (message.keyturn !== 'hash') return
    const { id, job } = message
    const noteStart = () => send({ keyturn: 'hash_begins', id })
    void run(hasher, job, noteStart).then((result) => send({ keyturn: 'hash_ends', id, result }))
  }
}

async function run(hasher: Hasher, job: HashJob, noteStart: () => void): Promise<HashResult> {
  try {
    if (job.task === 'hash') return { hash: await hasher.hash(job.password) }
    return { verification: await hasher.verify(job.password, job.stored, noteStart) }
  } catch (error) {
    const { retryAfterSeconds, message } =
      error instanceof Unavailable ? error : new Unavailable('hasher', 'it failed', { cause: error })
    return { refused: { reason: message, retryAfterSeconds } }
  }
}
