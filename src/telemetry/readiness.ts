/** Whether a part can do its work now; `reason` is for operators. Answered from memory: it must never wait. */
export type PartStatus =
  | { readonly ready: true; readonly note?: string }
  | { readonly ready: false; readonly reason: string }

/** Whether this process should be sent requests. */
export interface Readiness {
  /** Names a part and how to ask it. */
  watch(part: string, status: () => PartStatus): void
  /** From now on: not ready. */
  drain(): void
  isDraining(): boolean
  /** All parts together. */
  report(): { ready: boolean; parts: Record<string, string> }
}

/** Gathers what the parts say. */
export function makeReadiness(): Readiness {
  const parts = new Map<string, () => PartStatus>()
  let isDraining = false

  return {
    watch(part, status) {
      parts.set(part, status)
    },
    drain() {
      isDraining = true
    },
    isDraining: () => isDraining,
    report() {
      const statuses = [...parts].map(([part, status]) => [part, status()] as const)
      const described = statuses.map(([part, status]) => [
        part,
        status.ready ? (status.note ?? 'ready') : status.reason,
      ])
      if (isDraining) described.push(['process', 'draining'])
      return {
        ready: !isDraining && statuses.every(([, status]) => status.ready),
        parts: Object.fromEntries(described),
      }
    },
  }
}
