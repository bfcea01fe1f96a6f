/** `fail`: something does not work or is unsafe. `warn`: it works, and somebody should look at it all the same. */
export type CheckStatus = 'ok' | 'warn' | 'fail' | 'skipped'

/** What a check comes to. */
export interface Finding {
  readonly status: CheckStatus
  /** What was found; for a check that was skipped, why. */
  readonly found: string
  /** What to do about it; null where there is nothing to do. */
  readonly advice: string | null
}

/** A finding with the name of its check. */
export interface CheckResult extends Finding {
  readonly check: string
}

/** All is well. */
export function ok(found: string): Finding {
  return { status: 'ok', found, advice: null }
}

/** It works, but it should not stay like this. */
export function warn(found: string, advice: string): Finding {
  return { status: 'warn', found, advice }
}

/** It does not work, or it is unsafe. */
export function fail(found: string, advice: string): Finding {
  return { status: 'fail', found, advice }
}

/** It was not looked at, for this reason. */
export function skipped(reason: string): Finding {
  return { status: 'skipped', found: reason, advice: null }
}
