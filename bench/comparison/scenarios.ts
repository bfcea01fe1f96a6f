import type { Operation, Pace, Stream } from './load/protocol.ts'
import type { OperationName, System } from './systems/system.ts'

/** One thing that is measured: streams that run at once, of which the first is reported. */
export interface Measurement {
  readonly mode: Mode
  readonly streams: readonly Stream[]
  /** Whether another key is made to take over as soon as it has begun. */
  readonly rotates?: true
  /** It takes as long, however short the others are. */
  readonly leastSeconds?: number
}

export interface Scenario {
  readonly name: string
  readonly title: string
  /** What CPU of an operation, in bare signatures, is not to exceed for Keyturn at 64 connections. */
  readonly goal?: number
  /** Requests a second of the open loop: what every system can keep up with on one core. */
  readonly perSecond: number
  /** @returns nothing where the system does not have what is asked for */
  plan(system: System, perSecond: number): readonly Measurement[]
}

export const MODES = ['closed-16', 'closed-64', 'open', 'alone', 'flooded'] as const
export type Mode = (typeof MODES)[number]

const WIDEST = 64
/** The command, and a node's wait until it looks at the keys again (15 s). */
const ROTATION_SECONDS = 20
/** The steady refreshing beside a flood. */
const STEADY_CONNECTIONS = 16

/** Everything that is measured. */
export const SCENARIOS: readonly Scenario[] = [
  plain('client_credentials', 'Client credentials', 100, 1.4),
  plain('refresh', 'Refresh', 100, 1.65),
  plain('introspection', 'Introspection of an access token', 100, 0.5),
  plain('jwks', 'JWKS', 200, 0.12),
  {
    name: 'mixed',
    title: 'Mixed: 80 % refresh, 10 % introspection, 10 % client credentials',
    perSecond: 100,
    plan: (system, perSecond) =>
      paces(perSecond, system, [
        ['refresh', 80],
        ['introspection', 10],
        ['client_credentials', 10],
      ]),
  },
  plain('login', 'Login with a password', 2),
  {
    name: 'rotation',
    title: 'Another key takes over while tokens are issued',
    perSecond: 100,
    plan(system, perSecond) {
      const issue = system.operations.client_credentials
      if (!system.rotateKey || !issue) return []
      const operation = { ...issue, countsKidOf: 'access_token' }
      const streams = [alone(operation, open(perSecond))]
      return [{ mode: 'open', rotates: true, leastSeconds: ROTATION_SECONDS, streams }]
    },
  },
  {
    name: 'flood',
    title: '64 logins at a time beside steady refreshing',
    perSecond: 50,
    plan(system, perSecond) {
      const { refresh, login } = system.operations
      if (!refresh || !login) return []
      const steady = alone(refresh, { kind: 'open', perSecond, connections: STEADY_CONNECTIONS })
      return [
        { mode: 'alone', streams: [steady] },
        { mode: 'flooded', streams: [steady, alone(login, { kind: 'closed', connections: WIDEST })] },
      ]
    },
  },
]

function plain(name: OperationName, title: string, perSecond: number, goal?: number): Scenario {
  return {
    ...{ name, title, perSecond },
    ...(goal !== undefined && { goal }),
    plan: (system, rate) => paces(rate, system, [[name, 1]]),
  }
}

/** The same requests in closed loops of 16 and 64 connections, and in an open one. */
function paces(perSecond: number, system: System, mix: [OperationName, number][]): Measurement[] {
  const operations = mix.flatMap(([name, share]) => {
    const operation = system.operations[name]
    return operation ? [{ share, operation }] : []
  })
  if (operations.length < mix.length) return []
  const before = mix.some(([name]) => name === 'introspection') ? system.operations.refresh : undefined
  const stream = (pace: Pace) => ({
    ...{ name: mix[0]?.[0] ?? '', pace, operations },
    // An access token that another scenario let expire or revoked would not be what is asked for.
    ...(before && { before }),
  })
  return [
    { mode: 'closed-16', streams: [stream({ kind: 'closed', connections: 16 })] },
    { mode: 'closed-64', streams: [stream({ kind: 'closed', connections: WIDEST })] },
    { mode: 'open', streams: [stream(open(perSecond))] },
  ]
}

function open(perSecond: number): Pace {
  return { kind: 'open', perSecond, connections: WIDEST }
}

function alone(operation: Operation, pace: Pace): Stream {
  return { name: operation.name, pace, operations: [{ share: 1, operation }] }
}
