type Cleanup = () => Promise<void>

/** What tests have opened and somebody must close: after the test that opened it, or else after the suite. */
export interface Cleanups {
  add(cleanup: Cleanup): void
  /** Hook this before each test … */
  testBegins(): void
  /** … this after each … */
  testEnds(): Promise<void>
  /** … and this after all: it closes what was opened outside a test. */
  suiteEnds(): Promise<void>
}

/** An empty list of things to close, last opened first. */
export function makeCleanups(): Cleanups {
  const ofSuite: Cleanup[] = []
  const ofTest: Cleanup[] = []
  let inTest = false
  return {
    add: (cleanup) => void (inTest ? ofTest : ofSuite).push(cleanup),
    testBegins() {
      inTest = true
    },
    async testEnds() {
      inTest = false
      await runAll(ofTest)
    },
    suiteEnds: () => runAll(ofSuite),
  }
}

async function runAll(cleanups: Cleanup[]): Promise<void> {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
}
