import type { Server } from 'node:http'
import { Refusal } from './refusal.ts'

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

const NO_ADDRESS =
  'KEYTURN_HOST must be an address of this machine (127.0.0.1, 0.0.0.0 for all), or a name of one'
/** Why a server cannot listen, and what to do. PORT is the variable that the port comes from. */
const CANNOT_LISTEN: Readonly<Record<string, readonly [code: string, advice: string]>> = {
  EADDRINUSE: ['port_taken', 'is in use: stop what uses it, or set PORT'],
  EACCES: [
    'port_not_permitted',
    'is not open to this user, as ports below 1024 seldom are: set PORT to a higher one, with a proxy in front',
  ],
  EADDRNOTAVAIL: ['host_unusable', `cannot be had: ${NO_ADDRESS}`],
  EINVAL: ['host_unusable', `cannot be had: ${NO_ADDRESS}`],
  EAFNOSUPPORT: ['host_unusable', `cannot be had, since this machine has no IPv6: ${NO_ADDRESS}`],
  ENOTFOUND: ['host_unusable', `cannot be had, since that name leads nowhere: ${NO_ADDRESS}`],
  EAI_AGAIN: ['host_unusable', `cannot be had, since that name cannot be looked up: ${NO_ADDRESS}`],
}

/** An operator's mistake about where to listen, as a Refusal that says what to do; any other error as it is. */
export function listenRefusal(
  error: unknown,
  { port, host, variable }: { port: number; host: string; variable: string },
): unknown {
  const { code } = error as NodeJS.ErrnoException
  const found = code !== undefined && Object.hasOwn(CANNOT_LISTEN, code) ? CANNOT_LISTEN[code] : undefined
  if (!found) return error
  const [name, advice] = found
  return new Refusal(name, `port ${port} on ${host} ${advice.replace('PORT', variable)}`)
}

/**
 * Listens.
 * @param variable where the port comes from
 * @throws Refusal where an operator can do something about it
 */
export async function listenOrExplain(
  server: Server,
  port: number,
  host: string,
  variable: string,
): Promise<void> {
  try {
    await listen(server, port, host)
  } catch (error) {
    throw listenRefusal(error, { port, host, variable })
  }
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
