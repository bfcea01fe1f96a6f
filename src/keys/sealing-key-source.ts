import type { Clock } from '../clock.ts'
import type { Logger } from '../telemetry/logger.ts'
import { holdSealingKey, type SealingKey } from './sealing-key.ts'
import { runSealingKeyCommand } from './sealing-key-command.ts'
import { readSealingKeyFile } from './sealing-key-file.ts'

/** A command asks another service, which may be slow, charge, or be down: not each time that the keys are read. */
const COMMAND_INTERVAL_SECONDS = { routine: 300, unopened: 30 } as const

/** Where the sealing key comes from. */
export interface SealingKeySource {
  /** Of `sealing.key`; not looked into where there is a command. */
  readonly keysDirectory: string
  readonly sealingKeyCommand: string | undefined
}

/**
 * Reads the sealing key from its file, or from what the command prints.
 * @throws SealingKeyProblem with what to do about it
 */
export async function openSealingKey(
  { keysDirectory, sealingKeyCommand }: SealingKeySource,
  { clock, logger }: { clock: Clock; logger: Logger },
): Promise<SealingKey> {
  if (sealingKeyCommand === undefined) {
    const read = () => readSealingKeyFile(keysDirectory)
    return holdSealingKey(await read(), { read, logger })
  }
  let readAt = clock.now().getTime()
  const read = () => {
    readAt = clock.now().getTime()
    return runSealingKeyCommand(sealingKeyCommand, { logger })
  }
  return holdSealingKey(await read(), {
    read,
    isDue: (occasion) =>
      Math.abs(clock.now().getTime() - readAt) >= COMMAND_INTERVAL_SECONDS[occasion] * 1000,
    logger,
  })
}
