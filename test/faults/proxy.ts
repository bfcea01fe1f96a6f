import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** What is wrong with a link; nothing where empty. Each holds for open connections and for new ones. */
export interface Toxics {
  /** Each piece of data arrives so much later, milliseconds … */
  readonly latencyMs?: number
  /** … give or take so much. */
  readonly jitterMs?: number
  readonly bytesPerSecond?: number
  /** Nothing arrives, in either direction, until the link is healed: then all of it does, as after a partition. */
  readonly isBlackHole?: boolean
  /** What is asked arrives, no answer does. */
  readonly holdsAnswers?: boolean
  /** This share of the pieces of answers is not delivered: the connection is reset instead. */
  readonly lostAnswers?: number
  /** A connection is reset once so many bytes of answers have gone through it. */
  readonly cutAfterBytes?: number
  /** New connections are reset at once. */
  readonly refuses?: boolean
}

/** A TCP proxy of our own between two parties. */
export interface Link {
  readonly port: number
  /** How many connections are open. */
  connections(): number
  /** Makes the link this bad, and no worse. */
  set(toxics: Toxics): void
  /** No toxics any more. */
  heal(): void
  /** Resets every open connection (RST, not FIN). */
  reset(): void
  /** Says goodbye (FIN) to whoever connected, but goes on reading. */
  halfClose(): void
  close(): Promise<void>
}

const HELD_POLL_MS = 10

/** Opens a link to a port of this machine. The port may be closed: connections are then reset. */
export async function openLink(targetPort: number): Promise<Link> {
  let toxics: Toxics = {}
  const pairs = new Set<readonly [near: Socket, far: Socket]>()

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    near.on('error', () => {})
    if (toxics.refuses) return void near.resetAndDestroy()
    const far = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    const pair = [near, far] as const
    pairs.add(pair)
    const cut = () => {
      pairs.delete(pair)
      for (const socket of pair) if (!socket.destroyed) socket.resetAndDestroy()
    }
    for (const socket of pair) socket.on('error', cut).on('close', cut)
    // As a good balancer does (haproxy: abortonclose): who has left while there was no server is not connected later.
    near.on('end', () => {
      if (far.connecting) cut()
    })
    pass(near, far, () => toxics.isBlackHole === true)
    pass(far, near, () => toxics.isBlackHole === true || toxics.holdsAnswers === true, cut)
  })

  /** Passes data on, in order, as late and as slowly as the toxics say; `cut` only where the data are answers. */
  function pass(from: Socket, to: Socket, isHeld: () => boolean, cut?: () => void): void {
    let last: Promise<void> = Promise.resolve()
    let freeAt = 0
    let answered = 0

    function later(deliver: () => void, bytes: number): void {
      const { latencyMs = 0, jitterMs = 0, bytesPerSecond = Number.POSITIVE_INFINITY } = toxics
      const lateMs = latencyMs + jitterMs * (2 * Math.random() - 1)
      freeAt = Math.max(performance.now() + lateMs, freeAt) + (bytes / bytesPerSecond) * 1000
      const dueAt = freeAt
      last = last.then(async () => {
        if (dueAt > performance.now()) await delay(dueAt - performance.now())
        while (isHeld() && !to.destroyed) await delay(HELD_POLL_MS)
        if (!to.destroyed) deliver()
      })
    }

    from.on('data', (data) => {
      later(() => {
        answered += data.length
        const { lostAnswers = 0, cutAfterBytes = Number.POSITIVE_INFINITY } = toxics
        if (cut && (Math.random() < lostAnswers || answered > cutAfterBytes)) cut()
        else to.write(data)
      }, data.length)
    })
    from.on('end', () => later(() => void to.end(), 0))
  }

  function reset(): void {
    for (const socket of [...pairs].flat()) socket.resetAndDestroy()
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    connections: () => pairs.size,
    set(next) {
      toxics = next
    },
    heal() {
      toxics = {}
    },
    reset,
    halfClose() {
      for (const [near] of pairs) near.end()
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      reset()
      await closed
    },
  }
}
