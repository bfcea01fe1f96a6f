import type { Command } from 'commander'
import { systemClock } from '../clock.ts'
import { addCommand, type Run } from './command.ts'
import { table } from './output.ts'

/** `keyturn doctor`. */
export function addDoctorCommand(program: Command, run: Run): void {
  addCommand(
    program,
    'doctor',
    'look for what is wrong and say what to do; exits 1 where something fails. Changes nothing',
    'keyturn doctor --json',
  ).action(() =>
    run(async ({ config, logger }) => {
      const { examine } = await import('../doctor/doctor.ts')
      const checks = await examine(config, systemClock, logger)
      const failed = checks.filter(({ status }) => status === 'fail').length
      const advice = checks
        .filter((check) => check.advice !== null)
        .map((check) => `${check.check}: ${check.advice}`)
      const text = [
        table(
          checks.map((check) => ({ ...check })),
          ['check', 'status', 'found'],
          '',
        ),
        advice.length > 0 ? `\nWhat to do:\n${advice.map((line) => `  ${line}`).join('\n')}` : '',
      ]
      return {
        data: { healthy: failed === 0, checks },
        text: text.join('\n').trimEnd(),
        isBadNews: failed > 0,
      }
    }),
  )
}
