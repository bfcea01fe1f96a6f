import { prepareStream } from './drive.ts'
import type { HeldSession } from './perform.ts'
import type { Order, RunResult } from './protocol.ts'

/*
 * The load generator: a process of its own, so that what it takes is not counted as the server's, and can be kept on a core
 * of its own. It does what it is told over its channel, one order at a time, and ends with whoever started it.
 */

/** The sessions of each system: chains go on from one run to the next. */
const sessionsOf = new Map<string, HeldSession[]>()

process.on('message', (order: Order) => {
  follow(order).then(
    (result) => process.send?.({ result }),
    (error: unknown) => process.send?.({ error: String(error) }),
  )
})
process.on('disconnect', () => process.exit())

async function follow(order: Order): Promise<RunResult | undefined> {
  if (order.kind === 'sessions') {
    sessionsOf.set(
      order.system,
      order.sessions.map((tokens) => ({ tokens })),
    )
    return undefined
  }
  const port = Number(new URL(order.origin).port)
  const sessions = sessionsOf.get(order.system) ?? []
  const ready = await Promise.all(order.streams.map((stream) => prepareStream(stream, port, sessions)))
  process.send?.({ started: true })
  const began = performance.now()
  const used = process.cpuUsage()
  const streams = await Promise.all(ready.map((run) => run(order.seconds * 1000)))
  const { user, system } = process.cpuUsage(used)
  return { streams, generatorLoad: (user + system) / 1000 / (performance.now() - began) }
}
