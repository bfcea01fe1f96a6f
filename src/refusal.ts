/**
 * An operator's or administrator's request that is refused: the text says what to do about it. The CLI prints it
 * and exits 1; the administration API answers with `code`.
 */
export class Refusal extends Error {
  /** Stable, for programs: `username_taken`, `too_early` … */
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.name = 'Refusal'
    this.code = code
  }
}
