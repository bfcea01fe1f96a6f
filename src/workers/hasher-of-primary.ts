import type { Hasher } from '../passwords/hasher.ts'
import { isPossiblePassword } from '../passwords/password-rules.ts'
import { Unavailable } from '../unavailable.ts'
import type { FromPrimary, FromWorker, HashJob, HashResult } from './messages.ts'

/** The way to the primary. */
export interface Channel {
  send(message: FromWorker): void
  onMessage(listener: (message: FromPrimary) => void): void
}

interface Waiting {
  hasBegun: boolean
  readonly noteStart: (() => void) | undefined
  resolve(result: HashResult): void
}

/**
 * The hasher of a worker: it asks the primary, whose processes hash for all workers. So as many hashes run at a time as are
 * allowed to, however many workers there are, and memory stays what that many hashes take.
 */
export function hasherOfPrimary(channel: Channel): Hasher {
  const waiting = new Map<number, Waiting>()
  let last = 0
  let done = 0
  let shed = 0

  channel.onMessage((message) => {
    if (message.keyturn !== 'hash_begins' && message.keyturn !== 'hash_ends') return
    const job = waiting.get(message.id)
    if (!job) return
    if (message.keyturn === 'hash_begins') {
      job.hasBegun = true
      job.noteStart?.()
      return
    }
    waiting.delete(message.id)
    if ('refused' in message.result) shed++
    else done++
    job.resolve(message.result)
  })

  async function submit(job: HashJob, noteStart?: () => void): Promise<HashResult> {
    const id = ++last
    const result = await new Promise<HashResult>((resolve) => {
      waiting.set(id, { hasBegun: false, noteStart, resolve })
      channel.send({ keyturn: 'hash', id, job })
    })
    if (!('refused' in result)) return result
    const { reason, retryAfterSeconds } = result.refused
    throw new Unavailable('hasher', reason, { retryAfterSeconds })
  }

  return {
    async hash(password) {
      const result = await submit({ task: 'hash', password })
      if ('hash' in result) return result.hash
      throw new Unavailable('hasher', 'no hash was made')
    },

    async verify(password, stored, noteStart) {
      // As the primary would say; what nobody can have as a password need not be sent.
      if (!isPossiblePassword(password)) return { outcome: 'mismatch' }
      const result = await submit({ task: 'verify', password, stored }, noteStart)
      if ('verification' in result) return result.verification
      throw new Unavailable('hasher', 'no answer')
    },

    stats() {
      const running = [...waiting.values()].filter(({ hasBegun }) => hasBegun).length
      return { running, queued: waiting.size - running, done, shed }
    },

    // What this worker asked for is finished with its requests; the processes are the primary's.
    close: async () => {},
  }
}
