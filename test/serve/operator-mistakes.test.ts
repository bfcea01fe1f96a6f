import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { listenRefusal } from '../../src/drain.ts'
import { pathRefusal } from '../../src/path-refusal.ts'
import { runKeyturn } from '../support/keyturn-process.ts'

const PORTS = { KEYTURN_PORT: '0', KEYTURN_METRICS_PORT: '0', KEYTURN_ISSUER: 'http://localhost:7600' }

/** An error as Node's file system and sockets throw it. */
function systemError(code: string, path?: string): Error {
  return Object.assign(new Error(`${code}: something`), { code, ...(path !== undefined && { path }) })
}

describe('an operator’s mistake is said, with the variable it is in and what to do, and no stack', () => {
  let directory: string

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'keyturn-mistakes-'))
    writeFileSync(join(directory, 'file'), 'not ours')
    symlinkSync('loop', join(directory, 'loop'))
  })
  afterEach(() => rmSync(directory, { recursive: true }))

  const rows: readonly (readonly [
    what: string,
    args: string[],
    env: Record<string, string>,
    variable: string,
  ])[] = [
    ['a data directory that is a file', ['serve'], { KEYTURN_DATA_DIR: 'file' }, 'KEYTURN_DATA_DIR'],
    [
      'a data directory below a file',
      ['users', 'list'],
      { KEYTURN_DATA_DIR: 'file/data' },
      'KEYTURN_DATA_DIR',
    ],
    [
      'a data directory that leads in a circle',
      ['users', 'list'],
      { KEYTURN_DATA_DIR: 'loop' },
      'KEYTURN_DATA_DIR',
    ],
    ['a keys directory that is a file', ['keys', 'init'], { KEYTURN_KEYS_DIR: 'file' }, 'KEYTURN_KEYS_DIR'],
    ['a keys directory below a file', ['keys', 'init'], { KEYTURN_KEYS_DIR: 'file/k' }, 'KEYTURN_KEYS_DIR'],
    [
      'a host of another machine',
      ['serve'],
      { KEYTURN_HOST: '192.0.2.1', KEYTURN_EMBEDDED: '1' },
      'KEYTURN_HOST',
    ],
    [
      'a host that nobody knows',
      ['serve'],
      { KEYTURN_HOST: 'keyturn.invalid', KEYTURN_EMBEDDED: '1' },
      'KEYTURN_HOST',
    ],
  ]
  for (const [what, args, env, variable] of rows) {
    it(what, async () => {
      const { code, stderr } = await runKeyturn(args, { env: { ...PORTS, ...env }, cwd: directory })
      expect(code, stderr).to.equal(1)
      expect(stderr).to.include(variable)
      expect(stderr).not.to.match(/^ +at /m)
      expect(stderr.trimEnd().split('\n')).to.have.length(1)
    })
  }

  for (const code of [
    'EACCES',
    'EPERM',
    'EROFS',
    'ENOTDIR',
    'EEXIST',
    'EISDIR',
    'ENOSPC',
    'EDQUOT',
    'ELOOP',
  ]) {
    it(`${code} of a directory`, () => {
      const refusal = pathRefusal(systemError(code, '/data/postgres'), '/data', 'KEYTURN_DATA_DIR')
      expect(refusal).to.include({ name: 'Refusal', code: 'directory_unusable' })
      expect((refusal as Error).message)
        .to.match(/^\/data\/postgres .*(: |, or )set KEYTURN_DATA_DIR/)
        .and.include(code)
    })
  }

  for (const code of [
    'EACCES',
    'EADDRINUSE',
    'EADDRNOTAVAIL',
    'EAFNOSUPPORT',
    'EINVAL',
    'ENOTFOUND',
    'EAI_AGAIN',
  ]) {
    it(`${code} of a port`, () => {
      const where = { port: 80, host: '::1', variable: 'KEYTURN_METRICS_PORT' }
      const refusal = listenRefusal(systemError(code), where)
      expect(refusal).to.have.property('name', 'Refusal')
      expect((refusal as Error).message)
        .to.include('port 80 on ::1')
        .and.match(/KEYTURN_(METRICS_PORT|HOST)/)
        .and.not.match(/(?<!_)PORT/)
    })
  }

  it('control: what is no mistake of the operator stays what it is', () => {
    for (const error of [
      systemError('EIO', '/data/x'),
      new TypeError('x'),
      'EACCES',
      systemError('toString'),
    ]) {
      expect(pathRefusal(error, '/data', 'KEYTURN_DATA_DIR')).to.equal(error)
      expect(listenRefusal(error, { port: 1, host: 'h', variable: 'V' })).to.equal(error)
    }
  })

  it('an IPv6 host may be written as in a URL', async () => {
    mkdirSync(join(directory, 'keys'))
    const { code, stderr } = await runKeyturn(['doctor'], { env: { KEYTURN_HOST: '[::1]' }, cwd: directory })
    expect(code, stderr).to.equal(0)
    expect(readdirSync(directory)).not.to.include('.keyturn')
  })
})
