/** `SIMPLE_JWT`, as JSON has it. */
export type Settings = Readonly<Record<string, unknown>>

/** What becomes of a setting. `settled`: nothing to do; `differs`: it is otherwise here; `refused`: it cannot be so here. */
export type Verdict =
  | {
      readonly outcome: 'taken'
      readonly message: string
      /** Of the client of the Django-shaped endpoints. */
      readonly changes: Readonly<Record<string, unknown>>
    }
  | { readonly outcome: 'settled' | 'differs' | 'refused'; readonly message: string }

/** Judges the value of one setting, beside the others and our issuer. */
export type Judge = (value: unknown, settings: Settings, issuer: string) => Verdict

export const AS_THERE: Verdict = { outcome: 'settled', message: 'it is so here' }
