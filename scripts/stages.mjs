/** Fetches the servers where they are not on the machine: two lanes at once would do it twice. */
const FIRST = /^test\/support\//
/** Measures how soon things recover, and wants the machine for itself. */
const LAST = /^test\/faults\//

/**
 * In which order the test files run, and which of them beside each other.
 * @param {readonly string[]} files sorted
 * @param {NodeJS.ProcessEnv} env where servers are given from outside, everything runs one after another: they have so
 *   many databases and no more
 * @returns {string[][][]} stages of lanes of files
 */
export function stages(files, env) {
  const first = files.filter((file) => FIRST.test(file))
  const last = files.filter((file) => LAST.test(file))
  const rest = files.filter((file) => !FIRST.test(file) && !LAST.test(file))
  const isShared = env['KEYTURN_TEST_DATABASE_URL'] || env['KEYTURN_TEST_REDIS_URL']
  const lanes = isShared
    ? [rest]
    : [rest.filter((_, index) => index % 2 === 0), rest.filter((_, index) => index % 2 === 1)]
  return [[first], lanes, [last]]
    .map((stage) => stage.filter((lane) => lane.length > 0))
    .filter((stage) => stage.length > 0)
}
