/** The oldest Node that runs us: `engines` in package.json. */
const FLOOR = [20, 19]

/**
 * What to tell somebody whose Node is too old, or undefined where it is not.
 * @param {string} version as in `process.versions.node`
 */
export function nodeVersionProblem(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major > FLOOR[0] || (major === FLOOR[0] && minor >= FLOOR[1])) return undefined
  return `Keyturn needs Node ${FLOOR.join('.')} or newer; this is ${version}. See https://nodejs.org/en/download`
}
