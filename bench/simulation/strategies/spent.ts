/** Tokens that a service remembers as spent, the last one first. A list that is only ever added to, so that an earlier
 * state of the store keeps its own. */
export type Spent = { readonly token: number; readonly at: number; readonly earlier: Spent } | undefined

/** When a token was first spent; undefined: it is not known to be. */
export function spentAt(spent: Spent, token: number): number | undefined {
  for (let entry = spent; entry !== undefined; entry = entry.earlier) {
    if (entry.token === token) return entry.at
  }
  return undefined
}
