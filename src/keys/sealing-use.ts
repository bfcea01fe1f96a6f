import { openWith, type SealingKeyLines } from './sealing-key.ts'

/** Something that is sealed: a signing key's private part, or a symmetric key. */
export interface SealedRow {
  readonly table: 'signing_keys' | 'symmetric_keys'
  /** The kid, or purpose and version. */
  readonly name: string
  /** What it is bound to. */
  readonly context: string
  readonly sealed: Buffer
  /** The fingerprint of the line that sealed it; null where an earlier release wrote it. */
  readonly sealedWith: string | null
}

/** Which lines of a sealing key are in use. */
export interface SealingUse {
  /** How many rows there are. */
  readonly rows: number
  /** How many of them open, but not with the first line. */
  readonly behind: number
  /** The names of the rows that open with none. */
  readonly unopened: readonly string[]
  /** The fingerprints of the lines after the first that nothing is sealed with. */
  readonly idleLines: readonly string[]
}

/** Tries which line opens what. */
export function sealingUse(rows: readonly SealedRow[], lines: SealingKeyLines): SealingUse {
  const used = new Map<string, number>()
  const unopened: string[] = []
  for (const { sealed, context, name } of rows) {
    try {
      const { opened, line } = openWith(lines, sealed, context)
      opened.fill(0)
      used.set(line.fingerprint, (used.get(line.fingerprint) ?? 0) + 1)
    } catch {
      unopened.push(name)
    }
  }
  const [first, ...others] = lines.map(({ fingerprint }) => fingerprint)
  const current = used.get(first ?? '') ?? 0
  return {
    rows: rows.length,
    behind: rows.length - unopened.length - current,
    unopened,
    // A row that opens with none may be one that a line here has sealed, and that is damaged.
    idleLines: unopened.length > 0 ? [] : others.filter((fingerprint) => !used.has(fingerprint)),
  }
}
