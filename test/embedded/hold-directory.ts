import { lockDirectory } from '../../src/embedded/directory-lock.ts'

/**
 * A process that takes each directory it is sent, answers how that went, and keeps what it got until it is killed.
 * Started by the tests of the lock.
 */
process.on('message', async (directory: string) => {
  const outcome = await lockDirectory(directory).then(
    () => 'taken',
    (error: Error) => ('code' in error ? error.code : String(error)),
  )
  process.send?.(outcome)
})
process.on('disconnect', () => process.exit())
process.send?.('ready')
