import type { GuardedProcess } from './guarded-process.ts'
import { freePort } from './ports.ts'

/** A server of our own and where it listens. */
export interface RunningServer extends GuardedProcess {
  readonly url: string
  readonly port: number
}

const ATTEMPTS = 3

/**
 * Starts a server on `fixedPort`, or else on a free one; with another if that was taken in between.
 * @throws what `start` threw last
 */
export async function startOnFreePort<T>(
  fixedPort: number | undefined,
  start: (port: number) => Promise<T>,
): Promise<T> {
  if (fixedPort !== undefined) return start(fixedPort)
  for (let left = ATTEMPTS - 1; ; left--) {
    try {
      return await start(await freePort())
    } catch (error) {
      if (left === 0 || !/in use/i.test(String(error))) throw error
    }
  }
}
