import { makeCleanups } from './cleanups.ts'
import { startSharedServers, stopSharedServers } from './shared-servers.ts'

const cleanups = makeCleanups()

/** Runs `cleanup` after the present test; outside a test, for example in `before`, at the end of the run. */
export function afterwards(cleanup: () => Promise<void>): void {
  cleanups.add(cleanup)
}

/** Mocha calls these around the whole run, and around each test of every file (`require` in .mocharc.json). */
export const mochaGlobalSetup = startSharedServers
export const mochaGlobalTeardown = stopSharedServers
export const mochaHooks = {
  beforeEach: cleanups.testBegins,
  afterEach: cleanups.testEnds,
  afterAll: cleanups.suiteEnds,
}
