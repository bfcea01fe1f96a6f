import type { Server } from 'node:http'

/** In-flight requests get this long; the slowest of ours (a queued login) takes less. */
const LONGEST_MS = 10_000
const CLOSE_IDLE_EVERY_MS = 100

/** Listens; resolves once it does. Rejects when it cannot (the port is taken, say). */
export function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/**
 * Stops a server without failing a request: what has arrived is answered (and the answer closes its connection), idle
 * connections are closed. What still runs after ten seconds is cut off.
 */
export async function drain(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve())
  })
  const idle = setInterval(() => server.closeIdleConnections(), CLOSE_IDLE_EVERY_MS)
  const cutOff = setTimeout(() => server.closeAllConnections(), LONGEST_MS)
  server.closeIdleConnections()
  await closed
  clearInterval(idle)
  clearTimeout(cutOff)
}
