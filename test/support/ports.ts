import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/**
 * Below what systems give to connections and to servers that leave the choice to them: a server that is down for a moment,
 * in order to be started again, finds its port as it left it.
 */
const FROM = 12_000
const UNTIL = 32_000

const given = new Set<number>()

/**
 * A TCP port on 127.0.0.1 that nothing listens on at this moment; never one that this process was given before. Another
 * process may take it before you do, so whoever starts a server on it tries again with a new one.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FROM, UNTIL)
    if (given.has(port) || !(await isFree(port))) continue
    given.add(port)
    return port
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
