import type { ChainClaims } from './audit-log.ts'
import { CHAIN_START, type ChainPoint, floorSeal } from './chain.ts'
import type { KeyOf } from './verification.ts'

/**
 * The floor that the log claims, if its seal is right; else the start, so that everything below it counts as missing. Only
 * who has the key can have made the seal, and it is made only for rows that were old (retention.ts).
 */
export function trueFloor({ floor }: ChainClaims, keyOf: KeyOf): ChainPoint {
  const key = keyOf(floor.keyVersion)
  return key && floorSeal(key, floor).equals(floor.seal) ? floor : CHAIN_START
}
