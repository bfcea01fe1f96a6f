import { makeLogger } from '../../src/telemetry/logger.ts'

/** Logs as many lines of about a kilobyte as it is told to, says when it has, and ends with 7 when told 0. */
const logger = makeLogger('info')
const text = 'x'.repeat(900)

process.on('message', (lines: number) => {
  if (lines === 0) process.exit(7)
  for (let number = 0; number < lines; number++) logger.info({ number }, text)
  process.send?.('written')
})
process.send?.('ready')
