import cluster from 'node:cluster'
import type { Channel } from './hasher-of-primary.ts'
import type { FromPrimary, FromWorker } from './messages.ts'

/** Which worker this process is, counted from 1; undefined where it is none. */
export function workerId(): number | undefined {
  return cluster.worker?.id
}

/** A worker's side of the channel; a worker ends with its primary, by itself. */
export const toPrimary: Channel = {
  send: (message: FromWorker) => void process.send?.(message),
  onMessage: (listener: (message: FromPrimary) => void) =>
    void process.on('message', (message: Partial<FromPrimary> | null) => {
      if (message?.keyturn !== undefined) listener(message as FromPrimary)
    }),
}

/** Tells the primary what it asks of this worker's metrics. */
export function tellMetrics(registry: { getMetricsAsJSON(): Promise<object[]> }): void {
  toPrimary.onMessage((message) => {
    if (message.keyturn !== 'metrics') return
    const { id } = message
    void registry.getMetricsAsJSON().then((metrics) => toPrimary.send({ keyturn: 'metrics', id, metrics }))
  })
}

/** Resolves when the primary says so. Signals are its business: a terminal sends them to every process. */
export function stopAskedByPrimary(): Promise<void> {
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => {})
  return new Promise((resolve) => {
    toPrimary.onMessage(({ keyturn }) => {
      if (keyturn === 'stop') resolve()
    })
  })
}
