import { createServer } from 'node:net'

/**
 * A TCP port on 127.0.0.1 that nothing listens on at this moment. Another process may take it before you do, so
 * whoever starts a server on it tries again with a new one.
 */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      server.close(() => resolve(port))
    })
  })
}
