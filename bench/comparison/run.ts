import type { Choices } from './arguments.ts'
import type { Cores } from './cores.ts'
import { measure, type Sample } from './cost/measure.ts'
import { pinAlone } from './cost/processes.ts'
import { opensslSignatureMs, startSignatureMeter } from './cost/signature.ts'
import { startGenerator } from './load/generator.ts'
import { SCENARIOS } from './scenarios.ts'
import { START } from './systems/start.ts'
import type { System } from './systems/system.ts'

/** What a run found. */
export interface Run {
  readonly samples: readonly Sample[]
  /** CPU of a signature by `openssl speed`, milliseconds, one for each round. */
  readonly opensslMs: readonly number[]
  /** Systems that could not be started, and measurements that did not come to an end. */
  readonly leftOut: readonly string[]
}

/** Of a run that is thrown away: what is compiled at the first requests is not what a request costs. */
const WARM_UP_SECONDS = 1.5

/**
 * Starts the systems, measures them in turn, round by round, and stops what it has started.
 * @param cores who runs where; undefined: where the system likes
 * @param say told of the progress
 */
export async function runAll(
  choices: Choices,
  cores: Cores | undefined,
  say: (text: string) => void,
): Promise<Run> {
  const generator = startGenerator()
  const signature = startSignatureMeter()
  const systems: System[] = []
  const leftOut: string[] = []
  const samples: Sample[] = []
  const opensslMs: number[] = []
  const place = async (pid: number, where: keyof Cores) => {
    if (cores) await pinAlone(pid, cores[where])
  }
  try {
    await place(generator.pid, 'generator')
    await place(signature.pid, 'systems')
    await place(process.pid, 'systems') // what we start finds the cores that it will have
    for (const name of choices.systems) {
      say(`starting ${name}`)
      const system = await START[name]().catch((error: unknown) => {
        leftOut.push(`${name} did not start: ${String(error)}`)
        say(leftOut.at(-1) ?? '')
      })
      if (!system) continue
      systems.push(system)
      await generator.keep(name, system.sessions)
    }
    await place(process.pid, 'generator')
    for (let round = 0; round <= choices.rounds; round++) await measureRound(round)
  } finally {
    generator.stop()
    signature.stop()
    await Promise.all(systems.map((system) => system.stop()))
  }
  return { samples, opensslMs, leftOut }

  /** Each scenario on each system in turn, so that what the machine does meanwhile falls on all of them. */
  async function measureRound(round: number): Promise<void> {
    const openssl = round === 0 ? undefined : await opensslSignatureMs(cores?.systems)
    if (openssl !== undefined) opensslMs.push(openssl)
    for (const { name, mode, system, measurement } of planRound(choices, systems)) {
      if (round === 0 && (mode !== (choices.modes?.[0] ?? 'closed-16') || name === 'login')) continue
      const least = measurement.leastSeconds ?? 0
      const seconds = round === 0 ? WARM_UP_SECONDS : Math.max(choices.seconds, least)
      const what = `${round === 0 ? 'warming up' : `round ${round}/${choices.rounds}`}  ${name} ${mode} ${system.name}`
      try {
        const sample = await measure({ generator, signature }, system, measurement, seconds)
        if (round > 0) samples.push({ ...sample, round, scenario: name })
        say(`${what}  ${describe(sample)}`)
      } catch (error) {
        leftOut.push(`${what}: ${String(error)}`)
        say(leftOut.at(-1) ?? '')
      }
    }
  }
}

function planRound({ scenarios, modes, perSecond }: Choices, systems: readonly System[]) {
  return SCENARIOS.filter(({ name }) => scenarios.includes(name)).flatMap((scenario) => {
    const plans = systems.flatMap((system) =>
      scenario.plan(system, perSecond ?? scenario.perSecond).map((measurement, place) => {
        return { name: scenario.name, mode: measurement.mode, system, measurement, place }
      }),
    )
    const wanted = plans.filter(({ mode }) => modes?.includes(mode) ?? true)
    return wanted.sort((left, right) => left.place - right.place)
  })
}

function describe({ streams, cpuMs, signatureMs }: Omit<Sample, 'round' | 'scenario'>): string {
  const answered = streams.reduce((sum, stream) => sum + stream.answered, 0)
  const failed = streams.flatMap(({ errors }) => Object.values(errors)).reduce((sum, count) => sum + count, 0)
  const cpu = cpuMs.server + (cpuMs.redis ?? 0) + (cpuMs.postgres ?? 0)
  const ratio = (cpu / answered / signatureMs).toFixed(2)
  return `${answered} answered, ${failed} failed, ${ratio} signatures each`
}
