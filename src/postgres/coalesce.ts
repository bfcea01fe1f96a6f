/**
 * Gathers what is asked within one turn of the event loop and asks once for all of it: under load one query serves many
 * requests, and alone a request waits for nothing.
 * @param readAll answers all questions, in their order
 * @param most questions in one call; more become several calls
 */
export function coalesce<Question, Answer>(
  readAll: (questions: readonly Question[]) => Promise<readonly Answer[]>,
  most = 500,
): (question: Question) => Promise<Answer> {
  interface Waiting {
    question: Question
    resolve: (answer: Answer) => void
    reject: (error: unknown) => void
  }
  let waiting: Waiting[] = []

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

  return (question) =>
    new Promise((resolve, reject) => {
      if (waiting.length === 0) {
        setImmediate(() => {
          const all = waiting
          waiting = []
          for (let start = 0; start < all.length; start += most) void ask(all.slice(start, start + most))
        })
      }
      waiting.push({ question, resolve, reject })
    })
}
