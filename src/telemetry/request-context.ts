import { AsyncLocalStorage } from 'node:async_hooks'

/** What is known of the request being served, for log lines and audit rows. */
export interface RequestContext {
  readonly id: string
  /** The client's address, after trusted proxies. */
  readonly address: string
  /** What the client calls itself, printable and not long; absent where it says nothing. */
  readonly userAgent?: string | undefined
  /** Gives up the place that the request has among those being served. */
  readonly stepAside?: () => void
}

/** Who a request has turned out to come from. */
export interface Principals {
  client?: string
  user?: string
}

const storage = new AsyncLocalStorage<RequestContext & { readonly principals: Principals }>()

/** The request being served, or undefined outside one (a timer, a command). */
export function currentRequest(): RequestContext | undefined {
  return storage.getStore()
}

/** Runs `work` with `context` as the request being served. */
export function withRequest<T>(context: RequestContext, work: () => T): T {
  return storage.run({ ...context, principals: {} }, work)
}

/** The request being served waits for something that has a queue of its own: others may have its place. */
export function stepAside(): void {
  storage.getStore()?.stepAside?.()
}

/** Notes for the log line of the request being served, if there is one, who it comes from: ids, nothing secret. */
export function notePrincipals(principals: Principals): void {
  Object.assign(storage.getStore()?.principals ?? {}, principals)
}

/** Who the request being served comes from, as far as that is known. */
export function notedPrincipals(): Principals {
  return storage.getStore()?.principals ?? {}
}
