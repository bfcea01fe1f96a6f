import type { Config } from '../config.ts'
import { type Finding, fail, ok, skipped, warn } from './check.ts'

/** Readiness is answered from memory; whoever takes longer hangs. */
const TIMEOUT_MS = 3000
/** Addresses that mean "all of this machine's" cannot be called. */
const CALLED_INSTEAD: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }

/** Whether a Keyturn runs here, and what it says of itself. One that runs elsewhere is not seen. */
export async function lookAtService({ host, port }: Pick<Config, 'host' | 'port'>): Promise<Finding> {
  const called = CALLED_INSTEAD[host] ?? host
  const url = `http://${called.includes(':') ? `[${called}]` : called}:${port}/readyz`
  let answer: Response
  try {
    answer = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS), redirect: 'manual' })
  } catch (error) {
    if ((error as Error).name !== 'TimeoutError') return skipped(`nothing answers at ${url}`)
    return warn(
      `${url} takes longer than ${TIMEOUT_MS / 1000} s`,
      'look at its log and at the load of the machine',
    )
  }
  const report = readReport(await answer.json().catch(() => undefined))
  if (report === undefined)
    return fail(`what answers at ${url} is not Keyturn`, 'stop it, or set KEYTURN_PORT')
  const found = `${url} says ${report}`
  return answer.ok ? ok(found) : fail(found, 'see the checks above and the log of that process')
}

/** `ready (postgres: ready, …)`; undefined where it is not what our readiness looks like. */
function readReport(body: unknown): string | undefined {
  const { status, parts } = (body ?? {}) as { status?: unknown; parts?: unknown }
  if (typeof status !== 'string' || typeof parts !== 'object' || parts === null) return undefined
  return `${status} (${Object.entries(parts)
    .map(([part, state]) => `${part}: ${state}`)
    .join(', ')})`
}
