import { freePort } from './ports.ts'
import { openDirectories, type RedisNode, startRedisNode } from './redis-node.ts'
import { until } from './until.ts'

/** Three masters, each with a third of the slots. */
export interface RunningCluster {
  /** As KEYTURN_REDIS_URL has it. */
  readonly url: string
  readonly masters: readonly RedisNode[]
  /** One for each master, in their order; empty unless asked for. */
  readonly replicas: readonly RedisNode[]
  /** The node that serves a key's slot, as the nodes say. */
  ownerOf(key: string): Promise<RedisNode>
  /**
   * Moves a key's slot, with what is in it, to another master.
   * @param between runs while the slot is under way, when the old owner answers ASK for a key it has given away
   */
  migrateSlotOf(key: string, between?: () => Promise<void>): Promise<void>
  /** Resolves when every node that answers says `cluster_state:ok`. */
  becomesOk(): Promise<void>
  stop(): Promise<void>
}

export interface ClusterOptions {
  readonly replicas?: boolean
  /** More of the nodes' command line. */
  readonly arguments?: readonly string[]
}

const MASTERS = 3
const SLOTS = 16_384
/** Production says 15000: tests need not wait that long for a failover. */
const NODE_TIMEOUT_MS = 1000

/** Starts it on 127.0.0.1 and resolves when it serves all slots; stop it afterwards. */
export async function startCluster(options: ClusterOptions = {}): Promise<RunningCluster> {
  const directories = await openDirectories('cluster')
  const nodes: RedisNode[] = []
  const ids: string[] = []
  const busPorts: number[] = []
  async function stop() {
    for (const node of nodes) await node.stop()
    await directories.stop()
  }
  async function becomesOk() {
    for (const node of nodes) {
      await until(async () => {
        const info = await node.ask('CLUSTER', 'INFO').catch(() => undefined)
        return info === undefined || String(info).includes('cluster_state:ok')
      })
    }
  }
  const count = options.replicas ? 2 * MASTERS : MASTERS
  try {
    for (let number = 0; number < count; number++) {
      const busPort = await freePort()
      const node = await startRedisNode({
        directory: directories.make(`node-${number}`),
        arguments: [
          ...['--cluster-enabled', 'yes', '--cluster-port', String(busPort)],
          ...['--cluster-node-timeout', String(NODE_TIMEOUT_MS), '--repl-diskless-sync-delay', '0'],
          ...(options.arguments ?? []),
        ],
      })
      nodes.push(node)
      busPorts.push(busPort)
      ids.push(String(await node.ask('CLUSTER', 'MYID')))
    }
    await join(nodes, busPorts)
    for (const [number, replica] of nodes.slice(MASTERS).entries()) {
      await replica.ask('CLUSTER', 'REPLICATE', ids[number] ?? '')
    }
    await until(async () => {
      const info = await Promise.all(nodes.slice(MASTERS).map((node) => node.ask('INFO', 'replication')))
      return info.every((text) => String(text).includes('master_link_status:up'))
    })
    await becomesOk()
  } catch (error) {
    await stop()
    throw error
  }

  async function ownerOf(key: string): Promise<RedisNode> {
    for (const asked of nodes) {
      const slot = Number(await asked.ask('CLUSTER', 'KEYSLOT', key).catch(() => Number.NaN))
      if (Number.isNaN(slot)) continue
      const ranges = (await asked.ask('CLUSTER', 'SLOTS')) as [number, number, [string, number]][]
      const range = ranges.find(([from, to]) => from <= slot && slot <= to)
      const owner = nodes.find(({ port }) => port === range?.[2][1])
      if (owner) return owner
    }
    throw new Error('no node answers')
  }

  return {
    url: `redis+cluster://${nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
    masters: nodes.slice(0, MASTERS),
    replicas: nodes.slice(MASTERS),
    ownerOf,
    async migrateSlotOf(key, between) {
      const from = await ownerOf(key)
      const to = nodes.slice(0, MASTERS).find((node) => node !== from)
      if (!to) throw new Error('no other master')
      const slot = Number(await from.ask('CLUSTER', 'KEYSLOT', key))
      const idOf = (node: RedisNode) => ids[nodes.indexOf(node)] ?? ''
      await to.ask('CLUSTER', 'SETSLOT', slot, 'IMPORTING', idOf(from))
      await from.ask('CLUSTER', 'SETSLOT', slot, 'MIGRATING', idOf(to))
      const keys = (await from.ask('CLUSTER', 'GETKEYSINSLOT', slot, 1000)) as string[]
      for (const moved of keys) await from.ask('MIGRATE', '127.0.0.1', to.port, moved, 0, 2000)
      await between?.()
      // The new owner first: in the other order nobody would own the slot for a moment.
      for (const node of [to, from, ...nodes.slice(0, MASTERS)]) {
        await node.ask('CLUSTER', 'SETSLOT', slot, 'NODE', idOf(to))
      }
    },
    becomesOk,
    stop,
  }
}

/** Gives each master its slots and lets all nodes meet. */
async function join(nodes: readonly RedisNode[], busPorts: readonly number[]): Promise<void> {
  const [first] = nodes
  if (!first) throw new Error('no node')
  for (const [number, node] of nodes.entries()) {
    await node.ask('CLUSTER', 'SET-CONFIG-EPOCH', number + 1)
    if (number < MASTERS) {
      const from = Math.ceil((number * SLOTS) / MASTERS)
      const to = Math.ceil(((number + 1) * SLOTS) / MASTERS) - 1
      await node.ask('CLUSTER', 'ADDSLOTSRANGE', from, to)
    }
    if (number > 0) await first.ask('CLUSTER', 'MEET', '127.0.0.1', node.port, busPorts[number] ?? 0)
  }
  for (const node of nodes) {
    await until(async () => {
      const known = String(await node.ask('CLUSTER', 'NODES'))
        .trim()
        .split('\n')
      return known.length === nodes.length && known.every((line) => !/handshake|noaddr/.test(line))
    })
  }
}
