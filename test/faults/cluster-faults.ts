import type { Fault } from './scenario.ts'

/** What can happen to a Redis Cluster. */
export const CLUSTER_FAULTS: readonly Fault[] = []
