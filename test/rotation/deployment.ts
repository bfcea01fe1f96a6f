import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { KeySchedule } from '../../src/keys/schedule.ts'
import { createSealingKey } from '../../src/keys/sealing-key-file.ts'
import type { Database } from '../../src/postgres/database.ts'
import { type Build, makeBuild, type Patch } from '../faults/builds.ts'
import { makeNode, type Node } from '../faults/nodes.ts'
import { type Link, openLink } from '../faults/proxy.ts'
import { ISSUER, openSeeds, register } from '../faults/seeds.ts'
import { openPostgresStore, type PostgresStore } from '../faults/stores.ts'
import { freePort } from '../support/ports.ts'
import { type Balancer, openBalancer } from './balancer.ts'
import { type Examination, examine } from './examination.ts'
import { type Fleet, openFleet } from './fleet.ts'
import { type Load, startLoad } from './load.ts'
import { SCHEDULE, TOKEN_TTL_SECONDS } from './scale.ts'

/** What an operator may ask of a node here. */
export type Action = 'rotate' | 'rotate-now' | `revoke/${string}`

/** A deployment under load, with everybody who verifies what it signs. */
export interface Deployment {
  readonly nodes: readonly Node[]
  /** From each node to PostgreSQL, in their order. */
  readonly postgresLinks: readonly Link[]
  readonly postgres: PostgresStore
  readonly balancer: Balancer
  readonly fleet: Fleet
  readonly examination: Examination
  readonly load: Load
  /** What went wrong beside verifications: a node that ended by itself, an answer that should not be. */
  readonly incidents: string[]
  /** Has a node do something for an operator. */
  operate(action: Action, node?: number): Promise<string>
  /** Stops it all; what the examination has found stays. */
  close(): Promise<void>
}

export interface DeploymentOptions {
  /** Of each node; as many as there are. */
  readonly builds: readonly Build[]
  readonly perSecond: number
  /** Its own; removed by whoever made it. */
  readonly directory: string
  readonly schedule?: KeySchedule
  /** Done to the empty database before a node starts. */
  readonly prepare?: (database: Database) => Promise<unknown>
}

const PROGRAM = fileURLToPath(new URL('./node.mjs', import.meta.url))

/** A copy of the built program that runs with scaled durations, changed in a few places. */
export function makeScaledBuild(directory: string, patches: readonly Patch[] = []): Build {
  makeBuild(directory, patches)
  const program = join(directory, 'node.mjs')
  copyFileSync(PROGRAM, program)
  return { program }
}

/**
 * Starts a deployment. Redis is left out: signing keys are PostgreSQL's alone, and it has no part in them. What has
 * started is stopped again when the rest cannot be.
 */
export async function startDeployment(options: DeploymentOptions): Promise<Deployment> {
  const { builds, perSecond, directory, schedule = SCHEDULE, prepare } = options
  const closing: (() => Promise<unknown>)[] = []
  const close = async () => {
    for (const end of closing.splice(0).reverse()) await end()
  }
  const opened = async <T extends { close(): Promise<unknown> }>(opening: Promise<T>): Promise<T> => {
    const thing = await opening
    closing.push(() => thing.close())
    return thing
  }

  try {
    const postgres = await opened(openPostgresStore())
    const keys = join(directory, 'keys')
    mkdirSync(keys, { recursive: true })
    const sealingKey = await createSealingKey(keys)
    const { clients, users } = await register(postgres.database)
    await prepare?.(postgres.database)

    const incidents: string[] = []
    const nodes: Node[] = []
    const postgresLinks: Link[] = []
    const operatorPorts: number[] = []
    for (const [index, build] of builds.entries()) {
      const name = `node ${index + 1}`
      const link = await opened(openLink(postgres.port))
      const operatorPort = await freePort()
      const options = {
        ...{ name, build, directory },
        environment: {
          KEYTURN_ISSUER: ISSUER,
          KEYTURN_KEYS_DIR: keys,
          KEYTURN_DATABASE_URL: `postgres://postgres@127.0.0.1:${link.port}/postgres`,
          KEYTURN_HASH_CONCURRENCY: '1',
          KEYTURN_LOG_LEVEL: 'warn',
          KEYTURN_TEST_SCHEDULE: JSON.stringify(schedule),
          KEYTURN_TEST_TOKEN_TTL: String(TOKEN_TTL_SECONDS),
          KEYTURN_TEST_OPERATOR_PORT: String(operatorPort),
        },
        onUnexpectedEnd: (code: number) => {
          incidents.push(`${name} ended with ${code}:\n${nodes[index]?.output()}`)
        },
      }
      nodes.push(await opened(makeNode(options)))
      postgresLinks.push(link)
      operatorPorts.push(operatorPort)
    }
    await Promise.all(nodes.map((node) => node.start()))
    for (const node of nodes) {
      if (!node.isRunning()) throw new Error(`${node.name} did not start:\n${node.output()}`)
    }

    const seeds = await openSeeds({ database: postgres.database, sealingKey, clients, users })
    const balancer = await opened(openBalancer(nodes.map(({ directOrigin }) => directOrigin)))
    const fleet = await opened(openFleet(`${balancer.origin}/.well-known/jwks.json`))
    const examination = examine(fleet.servers)
    const { origin } = balancer
    const load = await startLoad({ origin, seeds, clients, perSecond, onToken: examination.take })
    closing.push(() => load.stop())

    return {
      ...{ nodes, postgresLinks, postgres, balancer, fleet, examination, load, incidents, close },
      async operate(action, node = 0) {
        const response = await fetch(`http://127.0.0.1:${operatorPorts[node]}/${action}`)
        if (!response.ok) throw new Error(`${action} was refused: ${await response.text()}`)
        return response.text()
      },
    }
  } catch (error) {
    await close()
    throw error
  }
}
