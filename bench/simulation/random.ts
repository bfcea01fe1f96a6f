/** Draws numbers; the same seed gives the same ones. */
export interface Draw {
  /** From 0 up to, but not, 1. */
  unit(): number
  /** True with this probability. */
  chance(probability: number): boolean
  /** Evenly between two numbers. */
  between(range: Range): number
  /** Evenly between the logarithms of two positive numbers: as many between 1 and 10 as between 10 and 100. */
  logBetween(range: Range): number
}

export type Range = readonly [low: number, high: number]

/**
 * A generator (mulberry32, public domain): quick, and good enough for a simulation; no secret comes from it.
 * @param seed any text: each stream of draws has its own name, so that one draw more in one place moves no other
 */
export function seededDraw(seed: string): Draw {
  let state = hash(seed)
  function unit(): number {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    unit,
    chance: (probability) => probability > 0 && unit() < probability,
    between: ([low, high]) => low + (high - low) * unit(),
    logBetween: ([low, high]) => low * (high / low) ** unit(),
  }
}

/** FNV-1a with a final mix, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193)
  }
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  return (value ^ (value >>> 13)) | 0
}
