import type { Fault } from './scenario.ts'

/** What can happen to PostgreSQL. */
export const POSTGRES_FAULTS: readonly Fault[] = []
