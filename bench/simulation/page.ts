import { assumptionsTable, lossTable, strategiesTable, theftTable, toMarkdown, yearTable } from './report.ts'
import type { Result } from './run.ts'

/**
 * Puts a run's tables into the page, between `<!-- NAME: … -->` and `<!-- end -->`; what is written around them stays.
 * @param page the page as it is
 * @param how one line that says how the figures came about
 * @returns the page as it is to be
 * @throws Error when the page has no place for one of them
 */
export function fillPage(page: string, results: readonly Result[], how: string): string {
  const pieces: Readonly<Record<string, string>> = {
    how,
    strategies: toMarkdown(strategiesTable()),
    losses: toMarkdown(lossTable(results)),
    thefts: toMarkdown(theftTable(results)),
    year: toMarkdown(yearTable(results)),
    assumptions: toMarkdown(assumptionsTable()),
  }
  return Object.entries(pieces).reduce((filled, [name, piece]) => {
    const place = new RegExp(`(<!-- ${name}\\b[^>]*-->\n)[^]*?(<!-- end -->)`)
    if (!place.test(filled)) throw new Error(`the page has no place for "${name}"`)
    return filled.replace(place, (_, before: string, after: string) => `${before}${piece}\n${after}`)
  }, page)
}
