import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import type { Command } from 'commander'
import { makeProgram } from '../../src/cli/program.ts'
import { runKeyturn } from '../support/keyturn-process.ts'

const PROGRAM = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url))

/** Every command that does something, with its full name. */
function leaves(command: Command, name = ''): { name: string; command: Command }[] {
  const below = command.commands.filter((sub) => sub.name() !== 'help')
  if (below.length === 0) return [{ name, command }]
  return below.flatMap((sub) => leaves(sub, `${name} ${sub.name()}`.trim()))
}

function helpOf(command: Command): string {
  let text = ''
  command.configureOutput({
    writeOut(part) {
      text += part
    },
  })
  command.outputHelp()
  return text
}

describe('the commands', () => {
  const commands = leaves(makeProgram(async () => {}))

  it('are the ones that scripts rely on', () => {
    expect(commands.map(({ name }) => name).sort()).to.deep.equal([
      'api-keys create',
      'api-keys list',
      'api-keys revoke',
      'audit tail',
      'audit verify',
      'authenticators',
      'authtokens create',
      'authtokens list',
      'authtokens revoke',
      'clients create',
      'clients disable',
      'clients enable',
      'clients list',
      'clients rotate-secret',
      'clients show',
      'clients update',
      'createsuperuser',
      'doctor',
      'explain',
      'import django',
      'keys import',
      'keys init',
      'keys list',
      'keys plan',
      'keys reseal',
      'keys revoke',
      'keys rotate',
      'migrate',
      'serve',
      'sessions end',
      'sessions end-all',
      'sessions list',
      'users create',
      'users delete',
      'users disable',
      'users enable',
      'users import',
      'users list',
      'users set-password',
      'users show',
      'users verify-email',
      'webhooks create',
      'webhooks delete',
      'webhooks failures',
      'webhooks list',
      'webhooks retry',
      'webhooks test',
    ])
  })

  for (const { name, command } of commands) {
    it(`${name} takes --json, and its help has an example of itself`, () => {
      expect(command.options.map(({ long }) => long)).to.include('--json')
      expect(helpOf(command)).to.match(new RegExp(`Example:\\n +\\$ .*keyturn ${name}\\b`))
    })

    it(`${name} takes no secret as an argument`, () => {
      const secrets = /password|secret|token/
      for (const option of command.options) {
        if (!secrets.test(option.long ?? '') || /-(ttl|alg)$/.test(option.long ?? '')) continue
        expect(option.required || option.optional, option.flags).to.equal(false)
      }
      // `explain` takes what an operator has found, and `-` for what nobody else is to see.
      const names = command.registeredArguments.map((argument) => argument.name()).join()
      if (name === 'explain') expect(helpOf(command)).to.match(/-\s+reads\s+it\s+from\s+stdin/)
      else expect(names).not.to.match(secrets)
    })
  }
})

describe('the command line', () => {
  it('--help is no failure and needs no configuration', async () => {
    const env = { KEYTURN_PORT: 'nonsense' }
    const { code, stdout, stderr } = await runKeyturn(['--help'], { env })
    expect(code).to.equal(0)
    expect(stdout).to.include('Exit status:').and.to.include('users')
    expect(stderr).to.equal('')
    expect((await runKeyturn(['users', 'create', '--help'], { env })).code).to.equal(0)
  })

  it('--version prints the version of the package', async () => {
    expect(await runKeyturn(['--version'])).to.deep.equal({ code: 0, stdout: '0.1.0\n', stderr: '' })
  })

  for (const args of [
    [],
    ['users'],
    ['nonsense'],
    ['users', 'nonsense'],
    ['users', 'list', '--nonsense'],
    ['users', 'list', '--limit', '0'],
    ['users', 'list', '--limit', 'ten'],
    ['users', 'list', '--limit', '10001'],
    ['users', 'show'],
    ['users', 'show', 'one', 'two'],
    ['clients', 'create'],
    ['clients', 'create', '--name', 'X', '--late-policy', 'maybe'],
    ['clients', 'create', '--name', 'X', '--access-token-ttl', 'soon'],
    ['createsuperuser'],
    ['createsuperuser', '--noinput'],
    ['users', 'set-password', 'alice'],
  ]) {
    it(`exits 2 for keyturn ${args.join(' ')}`, async () => {
      const { code, stdout, stderr } = await runKeyturn(args)
      expect(code).to.equal(2)
      expect(stderr).not.to.equal('')
      expect(stdout).to.equal('')
    })
  }

  it('misuse with --json is a document on stdout, and a sentence on stderr', async () => {
    const { code, stdout, stderr } = await runKeyturn(['users', 'show', '--json'])
    expect(code).to.equal(2)
    expect(JSON.parse(stdout)).to.deep.equal({ error: 'misuse', message: "missing required argument 'name'" })
    expect(stderr).to.equal("missing required argument 'name'\n")
  })

  it('an answer that cannot be written is no success; a reader that has seen enough is none of our business', () => {
    const line = (rest: string) => `'${process.execPath}' '${PROGRAM}' ${rest}`
    const run = (command: string) =>
      spawnSync('bash', ['-c', `set -o pipefail; ${command}`], { encoding: 'utf8' })
    const full = run(line('--version > /dev/full'))
    expect(full.status).to.equal(1)
    expect(full.stderr).to.include('ENOSPC')
    expect(run(line('--version | true'))).to.include({ status: 0, stderr: '' })
    expect(run(line('--nonsense 2> /dev/full')).status).to.equal(2)
  })
})
