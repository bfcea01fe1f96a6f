import { isUniqueViolation } from './sql-state.ts'

/**
 * Makes a write that does nothing where its row stands do so when two of them come at the same moment. `on conflict` names one
 * index; a row that another transaction is just adding may be found double in another index first, and is an error then. The
 * second time it stands.
 */
export function withSecondLook<Given extends unknown[], Result>(
  write: (...given: Given) => Promise<Result>,
): (...given: Given) => Promise<Result> {
  return (...given) =>
    write(...given).catch((error) => {
      if (isUniqueViolation(error)) return write(...given)
      throw error
    })
}
