import { setTimeout as delay } from 'node:timers/promises'

const EVERY_MS = 20

/** Asks again and again until it is so. Mocha's time limit ends a wait that is in vain. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await delay(EVERY_MS)
}
