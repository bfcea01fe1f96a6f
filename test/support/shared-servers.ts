/** Something that is started once for a whole run and used by many tests. */
export interface Stoppable {
  stop(): Promise<void>
}

const registered: (() => Promise<Stoppable>)[] = []
const started: Promise<Stoppable>[] = []

/**
 * Makes `start` run once for the whole run. A module that offers a server calls this when it is loaded, so the run
 * starts exactly the servers that its test files import, before the first test and outside its time limit.
 * @returns a function that gives the running thing, the same one each time
 */
export function sharedServer<T extends Stoppable>(start: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined
  function get(): Promise<T> {
    if (running === undefined) {
      running = start()
      started.push(running)
    }
    return running
  }
  registered.push(get)
  return get
}

/** Starts everything that the loaded test files need. Where one cannot start, the others are stopped and the run ends. */
export async function startSharedServers(): Promise<void> {
  try {
    await Promise.all(registered.map((get) => get()))
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.stack : error}\n`)
    await stopSharedServers()
    // Mocha would wait for what the servers that did start still hold open.
    process.exit(1)
  }
}

/** Stops everything that was started. */
export async function stopSharedServers(): Promise<void> {
  const running = await Promise.allSettled(started)
  await Promise.all(running.map(async (server) => server.status === 'fulfilled' && server.value.stop()))
}
