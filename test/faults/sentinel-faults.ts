import type { Fault } from './scenario.ts'

/** What can happen to a Redis that is watched by sentinels. */
export const SENTINEL_FAULTS: readonly Fault[] = []
