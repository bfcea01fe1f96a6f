/** What goes to the service at once: well below what one message to it may have. */
const BATCH_ROWS = 500
const BATCH_CHARACTERS = 500_000

/** Rows in lots that one message to the service can carry. */
export async function* batches<Row>(rows: Iterable<Row> | AsyncIterable<Row>): AsyncGenerator<Row[]> {
  let batch: Row[] = []
  let characters = 0
  for await (const row of rows) {
    const length = JSON.stringify(row).length
    if (batch.length === BATCH_ROWS || (batch.length > 0 && characters + length > BATCH_CHARACTERS)) {
      yield batch
      batch = []
      characters = 0
    }
    batch.push(row)
    characters += length
  }
  if (batch.length > 0) yield batch
}
