import { startGuard } from './guard.ts'
import { serverDirectory, serverUser } from './server-user.ts'

/** Run by guard.test.ts: starts a child under a guard, says which, and is then gone without a chance to clean up. */
const directory = serverDirectory('guard-test')
const { pid } = await startGuard({
  command: '/bin/sleep',
  arguments: ['600'],
  environment: process.env,
  directory,
  removeDirectory: true,
  stopSignal: 'TERM',
  user: serverUser(),
})
process.stdout.write(JSON.stringify({ pid, directory }))
process.stdout.end(() => process.kill(process.pid, 'SIGKILL'))
