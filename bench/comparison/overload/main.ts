import { parseArgs } from 'node:util'
import { toMarkdown, toText } from '../../simulation/report.ts'
import { shareCores } from '../cores.ts'
import { pin, pinAlone } from '../cost/processes.ts'
import { startGenerator } from '../load/generator.ts'
import type { Pace, StreamResult } from '../load/protocol.ts'
import { errorsText } from '../report/summary.ts'
import { startKeyturnSystem } from '../systems/keyturn.ts'
import type { OperationName } from '../systems/system.ts'

/*
 * npm run bench:overload -- [--only refresh,login] [--seconds 10] [--sessions 1300] [--json] [--markdown]
 *
 * What becomes of each endpoint when three times as much is asked as it can do. First its peak in a closed loop of 64
 * connections; then an open loop at three times that, whatever it answers; then, a second at a time, the closed loop
 * again until it is as before. Keyturn in standard mode, one worker, on one core with its stores; the load on another.
 */

const option = { type: 'string' } as const
const { values } = parseArgs({
  options: {
    only: { ...option, default: 'client_credentials,refresh,introspection,login' },
    seconds: { ...option, default: '10' },
    sessions: { ...option, default: '1300' },
    json: { type: 'boolean', default: false },
    markdown: { type: 'boolean', default: false },
  },
})
const FACTOR = 3
/** As before: at least this share of the peak. */
const RECOVERED = 0.9
const MOST_RECOVERY_SECONDS = 20
const NAMES = ['client_credentials', 'refresh', 'introspection', 'login'] as const
const names = NAMES.filter((name) => values.only.split(',').includes(name))
const [seconds, sessionCount] = [Number(values.seconds), Number(values.sessions)]
if (names.length === 0 || !(seconds > 0) || !(sessionCount >= 64)) {
  process.stderr.write(`--only takes ${NAMES.join(', ')}; --seconds above 0; --sessions 64 or more\n`)
  process.exit(2)
}

interface Result {
  readonly name: OperationName
  readonly peak: number
  readonly peakP99: number
  /** Good answers a second while three times the peak was asked. */
  readonly goodput: number
  readonly overloaded: StreamResult
  readonly recoverySeconds: number
}

const cores = shareCores()
const generator = startGenerator()
if (cores) await pinAlone(generator.pid, cores.generator)
if (cores) await pin(process.pid, cores.systems)
process.stderr.write(`starting, and signing in ${sessionCount} times\n`)
const system = await startKeyturnSystem('standard', [], sessionCount)
const results: Result[] = []
try {
  await generator.keep(system.name, system.sessions)
  for (const name of names) {
    const result = await overload(name)
    results.push(result)
    const { peak, goodput, recoverySeconds } = result
    process.stderr.write(
      `${name}: peak ${peak.toFixed(0)}/s, at ${FACTOR} × ${goodput.toFixed(0)}/s, as before after ${recoverySeconds} s\n`,
    )
  }
} finally {
  generator.stop()
  await system.stop()
}
const rows = [
  [
    'endpoint',
    'peak /s',
    'p99 ms',
    `good /s at ${FACTOR} ×`,
    'of the peak',
    'p50 ms',
    'p99 ms',
    'longest ms',
    'refused',
    'as before after',
  ],
  ...results.map(({ name, peak, peakP99, goodput, overloaded, recoverySeconds }) => [
    name,
    peak.toFixed(0),
    peakP99.toFixed(0),
    goodput.toFixed(0),
    `${((100 * goodput) / peak).toFixed(0)} %`,
    overloaded.p50.toFixed(0),
    overloaded.p99.toFixed(0),
    overloaded.max.toFixed(0),
    errorsText(overloaded.errors),
    `${recoverySeconds} s`,
  ]),
]
const print = values.markdown ? toMarkdown : toText
process.stdout.write(values.json ? `${JSON.stringify(results)}\n` : `${print(rows)}\n`, () => process.exit(0))

async function overload(name: OperationName): Promise<Result> {
  const peakResult = await run(name, { kind: 'closed', connections: 64 }, 5)
  const peak = peakResult.answered / peakResult.seconds
  const perSecond = Math.ceil(FACTOR * peak)
  const overloaded = await run(name, { kind: 'open', perSecond, connections: sessionCount }, seconds)
  let recoverySeconds = 0
  while (recoverySeconds < MOST_RECOVERY_SECONDS) {
    recoverySeconds++
    const { answered, seconds: took } = await run(name, { kind: 'closed', connections: 64 }, 1)
    if (answered / took >= RECOVERED * peak) break
  }
  const goodput = overloaded.answered / overloaded.seconds
  return { name, peak, peakP99: peakResult.p99, goodput, overloaded, recoverySeconds }
}

async function run(name: OperationName, pace: Pace, length: number): Promise<StreamResult> {
  const operation = system.operations[name]
  if (!operation) throw new Error(`there is no ${name}`)
  const stream = { name, pace, operations: [{ share: 1, operation }] }
  const { streams } = await generator.run(system.name, system.origin, [stream], length, () => {})
  const [result] = streams
  if (!result) throw new Error('nothing came of it')
  return result
}
