import { statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'

/** Linux's file system in memory, which containers often have with 64 MB only. */
const MEMORY = '/dev/shm'
/** Several times what all lanes have been seen to hold at once. */
const ENOUGH_BYTES = 4 * 1024 ** 3

/**
 * Where tests put the data of their servers: in memory where there is enough of it, else in the system's temporary
 * directory. They make and remove databases of hundreds of files all the time, which costs a disk more than it costs
 * the servers.
 * @returns {string}
 */
export function temporaryDirectory() {
  try {
    const { bavail, bsize } = statfsSync(MEMORY)
    return bavail * bsize >= ENOUGH_BYTES ? MEMORY : tmpdir()
  } catch {
    return tmpdir() // No such thing here.
  }
}
