import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import fc from 'fast-check'
import { passwordFaults } from '../../src/passwords/password-faults.ts'
import { debianPython } from '../support/debian-python.ts'
import { sharedServer } from '../support/shared-servers.ts'

const TOO_COMMON = 'This password is too common.'
const NUMERIC = 'This password is entirely numeric.'
const TOO_SHORT = 'This password is too short. It must contain at least 8 characters.'

/** Fetched before the first test, outside its time limit. */
const python = sharedServer(async () => ({
  ...(await debianPython(['python3-django'])),
  stop: async () => {},
}))

type Known = { username: string; first_name: string; last_name: string; email: string }

async function saidByDjango(asked: readonly (readonly [string, Known])[]): Promise<string[][]> {
  const { program, environment } = await python()
  const script = fileURLToPath(new URL('./validate-as-django.py', import.meta.url))
  const { error, status, stdout, stderr } = spawnSync(program, ['-B', script], {
    env: { PATH: process.env['PATH'], ...environment },
    input: JSON.stringify(asked),
    encoding: 'utf8',
  })
  if (error) throw error
  if (status !== 0) throw new Error(stderr)
  return JSON.parse(stdout)
}

const saidByUs = ([password, known]: readonly [string, Known]) =>
  passwordFaults(password, { ...known, firstName: known.first_name, lastName: known.last_name })

const ALICE = {
  username: 'alice.liddell',
  first_name: 'Alice',
  last_name: 'Liddell-Hargreaves',
  email: 'alice@wonderland.example',
}
const PASSWORDS = [
  ...[
    '',
    'a',
    '1234567',
    '12345678',
    '1234567890123',
    '٠١٢٣٤٥٦٧٨٩',
    'seven77',
    '🔑🔑🔑🔑🔑🔑🔑🔑',
    'password',
    'PASSWORD',
    ' password ',
  ],
  ...[
    'alice.liddell',
    'ALICE.LIDDELL',
    'llediddecila',
    'liddell-1',
    'hargreaves',
    'wonderland',
    'wonderlnd1',
    'example9',
  ],
  ...[
    'Alice Liddell-Hargreaves',
    'alice@wonderland.example',
    'wonderland.example',
    'correct horse battery staple',
    'ececila7',
  ],
  ...[
    'letmein',
    'qwertyuiop',
    'iloveyou',
    'football',
    'sunshine1',
    'tröt-9-Zaun',
    'ＡＬＩＣＥ',
    'a'.repeat(100),
    'alice'.repeat(30),
  ],
]

describe('the passwords that a user may choose', () => {
  it('18: what is refused, and the words for it, are those of a real Django', async () => {
    const texts = fc.sample(
      fc.string({ minLength: 6, maxLength: 16, unit: fc.constantFrom(...'alicewondrh@.-_1Ä ') }),
      600,
    )
    const asked = [...PASSWORDS, ...texts].map((password) => [password, ALICE] as const)
    const theirs = await saidByDjango(asked)
    const ours = await Promise.all(asked.map(saidByUs))
    // The lists of common ones are not the same; what else there is to say, is.
    const others = (faults: readonly string[]) => faults.filter((fault) => fault !== TOO_COMMON)
    for (const [index, [password]] of asked.entries())
      expect(others(ours[index] ?? []), JSON.stringify(password)).to.deep.equal(others(theirs[index] ?? []))
    // Control: each of their rules has spoken, about some and not about all.
    for (const fault of [TOO_SHORT, TOO_COMMON, NUMERIC, 'The password is too similar to the username.']) {
      const count = theirs.filter((faults) => faults.includes(fault)).length
      expect(count, fault).to.be.within(1, asked.length - 1)
    }
  })

  it('18: the most common ones are too common there and here, in whatever case', async () => {
    const common = [
      '123456',
      'password',
      '12345678',
      'qwerty',
      'dragon',
      'baseball',
      'Football',
      'LETMEIN',
      'sunshine',
      'iloveyou',
    ]
    const asked = common.map((password) => [password, ALICE] as const)
    for (const faults of [...(await saidByDjango(asked)), ...(await Promise.all(asked.map(saidByUs)))])
      expect(faults).to.include(TOO_COMMON)
  })

  it('all that is wrong is said at once, and nothing of a good one', async () => {
    expect(await passwordFaults('123456', {})).to.deep.equal([TOO_SHORT, TOO_COMMON, NUMERIC])
    expect(await passwordFaults('correct horse battery staple', { username: 'alice' })).to.deep.equal([])
  })

  it('S-108 what is too long or no text is refused, and not repeated', async () => {
    expect(await passwordFaults('é'.repeat(513), {})).to.deep.equal([
      'The password must not be longer than 1024 bytes.',
    ])
    expect(await passwordFaults('half \ud83d a key', {})).to.deep.equal([
      'The password must be valid Unicode text.',
    ])
  })
})
