/** What a command has to say: the same thing for programs and for people. */
export interface Answer {
  /** For `--json`: plain data with our own camelCase names; `toJson` gives it the names of the wire. */
  readonly data: unknown
  /** For people, without the last line break. */
  readonly text: string
  /** Whether the command did its work and the result is nevertheless bad news: exit status 1. */
  readonly isBadNews?: boolean
}

/** One thing as plain data, after it has gone through JSON: times are ISO 8601. */
export type Row = Readonly<Record<string, unknown>>
