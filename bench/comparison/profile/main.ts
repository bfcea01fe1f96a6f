import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Table, toText } from '../../simulation/report.ts'
import { shareCores } from '../cores.ts'
import { cpuMs, mainThreadMs, pin } from '../cost/processes.ts'
import { startGenerator } from '../load/generator.ts'
import { SCENARIOS } from '../scenarios.ts'
import { type KeyturnMode, startKeyturnSystem } from '../systems/keyturn.ts'
import { type CpuProfile, functionName, packageName, type SelfTime, selfTimes } from './cpu-profile.ts'
import { drawFlame, growFlame, totalTimes } from './flame.ts'

/*
 * npm run bench:profile -- [--scenario refresh] [--mode standard] [--seconds 5] [--top 30] [--flame FILE.svg]
 *
 * Where the server's main thread is during one scenario at 64 connections. Signatures, hashes and name look-ups happen on
 * other threads; the first lines say how much that is.
 */

const { values } = parseArgs({
  options: {
    scenario: { type: 'string', default: 'refresh' },
    mode: { type: 'string', default: 'standard' },
    seconds: { type: 'string', default: '5' },
    top: { type: 'string', default: '30' },
    flame: { type: 'string' },
  },
})
const seconds = Number(values.seconds)
const top = Number(values.top)
const mode = (['standard', 'small', 'embedded'] as const).find((name) => name === values.mode)
const scenario = SCENARIOS.find(({ name }) => name === values.scenario)
if (mode === undefined || scenario === undefined || !(seconds > 0) || !(top > 0)) {
  process.stderr.write(`--mode takes standard, small or embedded\n`)
  process.stderr.write(`--scenario takes ${SCENARIOS.map(({ name }) => name).join(', ')}\n`)
  process.exit(2)
}
const directory = mkdtempSync(join(tmpdir(), 'keyturn-profile-'))
try {
  process.stdout.write(await profile(mode, scenario))
} finally {
  rmSync(directory, { recursive: true, force: true })
}

async function profile(
  mode: KeyturnMode,
  { name, plan, perSecond }: (typeof SCENARIOS)[number],
): Promise<string> {
  const cores = shareCores()
  const generator = startGenerator()
  const system = await startKeyturnSystem(mode, ['--cpu-prof', `--cpu-prof-dir=${directory}`])
  try {
    if (cores) {
      await pin(process.pid, cores.generator)
      for (const pid of Object.values(system.parts)) await pin(pid, cores.systems)
    }
    await generator.keep(system.name, system.sessions)
    const plans = plan(system, perSecond)
    const measurement = plans.find((one) => one.mode === 'closed-64') ?? plans.at(-1)
    if (!measurement) throw new Error(`${system.name} has no ${name}`)
    const run = (length: number, onStart: () => void) =>
      generator.run(system.name, system.origin, measurement.streams, length, onStart)
    await run(seconds, () => {}) // what is compiled at the first requests is not what a request costs
    let from = 0
    let before = { all: 0, main: 0 }
    const { server } = system.parts
    const used = () => ({ all: cpuMs(server), main: mainThreadMs(server) })
    const { streams } = await run(seconds, () => {
      from = now()
      before = used()
    })
    const span = { from, until: now() }
    const after = used()
    await system.stop()
    const read = readProfile(server)
    const answered = streams.reduce((sum, one) => sum + one.answered, 0)
    const perOperation = (milliseconds: number) => (milliseconds * 1000) / answered
    const main = perOperation(after.main - before.main)
    const flame = growFlame(read, span, functionName, packageName)
    const title = `${name}, ${measurement.mode}, ${system.name}`
    if (values.flame !== undefined) writeFileSync(values.flame, drawFlame(flame, title, main))
    const table = (title: string, times: readonly SelfTime[]) =>
      toText(tableOf(title, times, flame.microseconds, main))
    return [
      `${name} ${measurement.mode} on ${system.name}: ${answered} answered in ${seconds} s`,
      `${perOperation(after.all - before.all).toFixed(0)} µs CPU an operation, all threads and children; ` +
        `${main.toFixed(0)} µs of it on the main thread:\n`,
      table('package or folder', selfTimes(read, span, packageName)),
      table('function', selfTimes(read, span, functionName)),
      table('function with all that it calls', totalTimes(flame)),
    ].join('\n')
  } finally {
    generator.stop()
    await system.stop()
  }
}

/** Children (password hashing) write profiles of their own. */
function readProfile(pid: number): CpuProfile {
  const file = readdirSync(directory).find((entry) => entry.split('.')[3] === String(pid))
  if (file === undefined) throw new Error('the server wrote no profile')
  return JSON.parse(readFileSync(join(directory, file), 'utf8')) as CpuProfile
}

/**
 * The profiler sees when a function was on, also while another thread had the core: its shares are those of the thread's CPU.
 * @param whole microseconds that the profiler saw
 * @param main microseconds of an operation
 */
function tableOf(title: string, times: readonly SelfTime[], whole: number, main: number): Table {
  return [
    ['µs an operation', 'share', title],
    ...times
      .slice(0, top)
      .map(({ name, microseconds }) => [
        ((main * microseconds) / whole).toFixed(1),
        `${((100 * microseconds) / whole).toFixed(1)} %`,
        name,
      ]),
  ]
}

/** Microseconds of the clock that V8 stamps its profiles with. */
function now(): number {
  return Number(process.hrtime.bigint() / 1000n)
}
