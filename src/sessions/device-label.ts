import Bowser from 'bowser'

/** RFC 9110 §10.1.5: what a program that is no browser calls itself comes first, with its version. */
const PRODUCT = /^([!#$%&'*+.^_`|~0-9a-z-]{1,64})(?:\/|\s|$)/i
/** Every browser says this first, for reasons of history. */
const BROWSER = 'Mozilla'

/**
 * What a person recognises a device by: "Firefox on Windows", "Notes on iOS" for an installed app. It is a claim of the
 * client's and proves nothing.
 * @param userAgent as a session has it
 * @returns null where nothing can be told
 */
export function deviceLabel(userAgent: string | null): string | null {
  if (userAgent === null || userAgent === '') return null
  const parser = Bowser.getParser(userAgent)
  const product = PRODUCT.exec(userAgent)?.[1]
  const program = product === undefined || product === BROWSER ? parser.getBrowserName() : product
  const labels = [program, parser.getOSName()].filter((label) => label !== '')
  return labels.length === 0 ? null : labels.join(' on ')
}
