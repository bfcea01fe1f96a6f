/** With fewer requests under way nothing is gained by waiting for another one. */
const FEW = 8
/** So much of a millisecond for each request under way: a tenth, or less, of the wait that there is anyway. */
const LINGER_MS_EACH = 1 / 8
const MOST_LINGER_MS = 10

/** How questions are gathered. */
export interface Gathering {
  /** In one call; more become several calls. */
  readonly most?: number
  /**
   * How many requests this process has under way. Where they are many, the next of them is worth a short wait; without it
   * what is asked in one turn of the event loop is asked at its end.
   */
  readonly underWay?: (() => number) | undefined
}

/**
 * Gathers what is asked at about the same time and asks once for all of it. Alone a request waits for nothing. Where many
 * are under way, each of them waits its turn to be signed anyway: a few milliseconds more let one query serve several, and
 * the query is what a request costs beside its signature.
 * @param readAll answers all questions, in their order
 */
export function coalesce<Question, Answer>(
  readAll: (questions: readonly Question[]) => Promise<readonly Answer[]>,
  { most = 500, underWay = () => 0 }: Gathering = {},
): (question: Question) => Promise<Answer> {
  interface Waiting {
    question: Question
    resolve: (answer: Answer) => void
    reject: (error: unknown) => void
  }
  let waiting: Waiting[] = []
  let lingering: NodeJS.Timeout | undefined

  async function ask(batch: readonly Waiting[]): Promise<void> {
    try {
      const answers = await readAll(batch.map(({ question }) => question))
      batch.forEach(({ resolve }, index) => {
        resolve(answers[index] as Answer)
      })
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }

  function askAll(): void {
    const all = waiting
    waiting = []
    for (let start = 0; start < all.length; start += most) void ask(all.slice(start, start + most))
  }

  function begin(): void {
    const requests = underWay()
    if (requests <= FEW) setImmediate(askAll)
    else {
      lingering = setTimeout(
        () => {
          lingering = undefined
          askAll()
        },
        Math.min(requests * LINGER_MS_EACH, MOST_LINGER_MS),
      )
    }
  }

  return (question) =>
    new Promise((resolve, reject) => {
      if (waiting.length === 0) begin()
      waiting.push({ question, resolve, reject })
      // Everybody is here: there is nobody to wait for.
      if (lingering !== undefined && waiting.length >= Math.min(underWay(), most)) {
        clearTimeout(lingering)
        lingering = undefined
        setImmediate(askAll)
      }
    })
}
