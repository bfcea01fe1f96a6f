/** Fetches the servers where they are not on the machine: two lanes at once would do it twice. */
const FIRST = /^test\/support\//
/** Proofs under load, in processes of their own, which want the machine for themselves. */
const LAST = /^test\/(faults|rotation)\//
/** As many as keep two cores busy: half of the time a test waits for a process or a server. */
const LANES = 3

/**
 * In which order the test files run, and which of them beside each other.
 * @param {readonly string[]} files sorted
 * @param {NodeJS.ProcessEnv} env where servers are given from outside, everything runs one after another: they have so
 *   many databases and no more
 * @returns {string[][][]} stages of lanes of files
 */
export function stages(files, env) {
  const isShared = env['KEYTURN_TEST_DATABASE_URL'] || env['KEYTURN_TEST_REDIS_URL']
  const rest = files.filter((file) => !FIRST.test(file) && !LAST.test(file))
  return [
    [files.filter((file) => FIRST.test(file))],
    deal(rest, isShared ? 1 : LANES),
    [files.filter((file) => LAST.test(file))],
  ]
    .map((stage) => stage.filter((lane) => lane.length > 0))
    .filter((stage) => stage.length > 0)
}

/**
 * @param {readonly string[]} files
 * @param {number} lanes
 * @returns {string[][]} neighbours, which are often alike, in different lanes
 */
function deal(files, lanes) {
  return Array.from({ length: lanes }, (_, lane) => files.filter((_, index) => index % lanes === lane))
}
