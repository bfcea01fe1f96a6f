import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { listen } from '../../src/drain.ts'
import { afterwards } from './root-hooks.ts'

/** Reads one metric: its values, by one of its labels. */
export type ReadMetric = (name: string, label: string) => Promise<Record<string, number>>

/** Lets a node's metrics be read, on a port of their own, until the test ends. */
export async function listenForMetrics(server: Server): Promise<ReadMetric> {
  await listen(server, 0, '127.0.0.1')
  afterwards(async () => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  return async (name, label) => {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    const line = new RegExp(`^${name}\\{(?:.*,)?${label}="([^"]*)".*\\} (\\S+)$`, 'gm')
    return Object.fromEntries([...text.matchAll(line)].map(([, value, count]) => [value, Number(count)]))
  }
}
