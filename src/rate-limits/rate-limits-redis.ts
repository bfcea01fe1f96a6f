import type { GuardedCalls } from '../redis/guarded-calls.ts'
import { keyNames } from '../redis/key-names.ts'
import type { RunScript } from '../redis/scripts.ts'
import type { Charge, RateLimits } from './rate-limits.ts'

/**
 * Limits in Redis, and in the record while it does not answer: what was used is forgotten at each such change, and counted
 * anew from then on.
 */
export function rateLimitsRedis({
  runScript,
  calls,
  record,
}: {
  runScript: RunScript
  calls: GuardedCalls
  record: RateLimits
}): RateLimits {
  async function step({ key, capacityMs }: Charge, intervalMs: number, now: Date): Promise<number> {
    const name = keyNames.rateLimit(key)
    const run = () => runScript('take-rate-limit-1', name, now.getTime(), intervalMs, capacityMs)
    const waitMs = Number(await calls.run(name, run))
    if (!Number.isFinite(waitMs)) throw new Error('unexpected reply of the rate limit script')
    return waitMs
  }

  return {
    async take(charges, now) {
      const steps = await Promise.allSettled(charges.map((charge) => step(charge, charge.intervalMs, now)))
      const waits = steps.flatMap((one) => (one.status === 'fulfilled' ? one.value : []))
      return waits.length === charges.length ? waits : record.take(charges, now)
    },

    async giveBack(charges, now) {
      const steps = await Promise.allSettled(charges.map((charge) => step(charge, -charge.intervalMs, now)))
      if (steps.some(({ status }) => status === 'rejected')) await record.giveBack(charges, now)
    },
  }
}
