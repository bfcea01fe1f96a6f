import { systemClock } from '../../src/clock.ts'
import { forkHashProcess } from '../../src/passwords/hash-child.ts'
import { startHasher } from '../../src/passwords/hasher.ts'

/** A process with a hasher: it tells the pid of its hash process when that has done something, and stays. */
let pid: number | undefined
const hasher = startHasher({
  concurrency: 1,
  clock: systemClock,
  startProcess: () => {
    const child = forkHashProcess()
    pid = child.pid
    return child
  },
})
await hasher.verify('some password', undefined)
process.on('message', (message) => {
  // Told to do nothing more, it ends by itself: an idle hash process does not keep it.
  if (message === 'leave') process.disconnect()
})
process.send?.(pid)
