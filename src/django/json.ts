/** Text in quotes, or an integer that a double may not hold. */
const TEXT_OR_LARGE = /"(?:[^"\\]|\\.)*"|-?\d{16,}(?![\d.eE])/g

/**
 * Parses JSON, and keeps integers beyond 2^53 as their digits: ids that were rounded would be somebody else's.
 * @throws SyntaxError
 */
export function parseExactly(text: string): unknown {
  const exact = text.replace(TEXT_OR_LARGE, (part) =>
    part.startsWith('"') || Number.isSafeInteger(Number(part)) ? part : `"${part}"`,
  )
  return JSON.parse(exact)
}
