import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { readConfig } from '../../src/config.ts'
import { configurationChecks } from '../../src/doctor/configuration-checks.ts'
import { dataDirectoryChecks, lookAtDataDirectory } from '../../src/doctor/data-directory-checks.ts'
import { sealingKeyChecks } from '../../src/doctor/sealing-key-checks.ts'
import { obstacleToWriting } from '../../src/doctor/writable.ts'
import { createSealingKey, readSealingKeyFile, sealingKeyPath } from '../../src/keys/sealing-key-file.ts'

describe('the doctor and files', () => {
  let directory: string

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'keyturn-doctor-'))
  })
  afterEach(() => rmSync(directory, { recursive: true }))

  async function sealingKeyStatuses(isMadeAtStart = false) {
    const facts = await readSealingKeyFile(directory).then(
      (lines) => ({ fingerprints: lines.map(({ fingerprint }) => fingerprint), problem: undefined }),
      (problem) => ({ fingerprints: undefined, problem }),
    )
    const results = sealingKeyChecks({
      directory,
      isMadeAtStart,
      isFromCommand: false,
      use: undefined,
      ...facts,
    })
    return Object.fromEntries(results.map(({ check, status }) => [check, status]))
  }

  it('find nothing wrong with the sealing key that keys init makes', async () => {
    await createSealingKey(directory)
    expect(await sealingKeyStatuses()).to.deep.equal({
      'sealing key': 'ok',
      'sealing key lines': 'ok',
      'sealing key file': 'ok',
      'keys directory': 'ok',
    })
  })

  for (const [mode, status] of [
    [0o644, 'fail'],
    [0o604, 'fail'],
    [0o620, 'fail'],
    [0o640, 'warn'],
    [0o440, 'warn'],
    [0o400, 'ok'],
  ] as const) {
    it(`a sealing key of mode ${mode.toString(8)} is ${status}`, async () => {
      await createSealingKey(directory)
      chmodSync(sealingKeyPath(directory), mode)
      expect(await sealingKeyStatuses()).to.include({ 'sealing key': 'ok', 'sealing key file': status })
    })
  }

  it('a keys directory that others may write to is found', async () => {
    await createSealingKey(directory)
    chmodSync(directory, 0o777)
    expect(await sealingKeyStatuses()).to.include({ 'sealing key file': 'ok', 'keys directory': 'fail' })
    chmodSync(directory, 0o755)
    expect(await sealingKeyStatuses()).to.include({ 'keys directory': 'ok' })
  })

  it('a missing sealing key is found, but for the one that the first embedded start makes', async () => {
    expect(await sealingKeyStatuses()).to.include({ 'sealing key': 'fail', 'sealing key file': 'skipped' })
    expect(await sealingKeyStatuses(true)).to.include({ 'sealing key': 'skipped' })
  })

  it('a data directory that others can look into is found, without changing it', () => {
    const path = join(directory, 'data')
    const look = () => dataDirectoryChecks(lookAtDataDirectory(path))[0]
    expect(look()?.status).to.equal('skipped')
    mkdirSync(path, { mode: 0o700 })
    expect(look()?.status).to.equal('ok')
    chmodSync(path, 0o755)
    expect(look()).to.include({ status: 'warn' }).and.to.have.property('found').includes('0755')
    expect(lookAtDataDirectory(path)).to.include({ mode: 0o755, hasDatabase: false })
    mkdirSync(join(path, 'postgres'))
    expect(lookAtDataDirectory(path).hasDatabase).to.equal(true)
  })

  it('a directory that cannot be one, or be made, is found with its variable', async () => {
    const file = join(directory, 'file')
    writeFileSync(file, '')
    for (const path of [file, join(file, 'below', 'it')]) {
      const [found] = dataDirectoryChecks(lookAtDataDirectory(path))
      expect(found).to.include({ status: 'fail', found: `${file} is no directory` })
      expect(found?.advice).to.include('KEYTURN_DATA_DIR')
    }
    const problem = await readSealingKeyFile(join(directory, 'keys')).catch((error) => error)
    const look = (keys: string) =>
      sealingKeyChecks({
        directory: keys,
        isMadeAtStart: true,
        isFromCommand: false,
        fingerprints: undefined,
        use: undefined,
        problem,
      })[0]
    expect(look(join(file, 'keys'))).to.include({ status: 'fail', found: `${file} is no directory` })
    expect(look(join(directory, 'keys')), 'control').to.include({ status: 'skipped' })
  })

  it('a directory that only others may write to is found', () => {
    // Root may write everywhere but where the kernel itself says no.
    expect(obstacleToWriting('/proc/sys')).to.match(/^user \d+ must not write to .* \(EACCES\)$|read-only/)
    expect(obstacleToWriting(directory), 'control').to.equal(undefined)
  })

  for (const [issuer, status] of [
    ['https://id.example.com', 'ok'],
    ['http://localhost:7600', 'ok'],
    ['http://127.0.0.1:7600', 'ok'],
    ['http://[::1]:7600', 'ok'],
    ['http://id.example.com', 'warn'],
    ['http://10.0.0.1:7600', 'warn'],
  ] as const) {
    it(`the issuer ${issuer} is ${status}`, () => {
      const config = readConfig({ KEYTURN_ISSUER: issuer, KEYTURN_DATABASE_URL: 'postgres://db/keyturn' })
      expect(configurationChecks(config)).to.deep.include.members([
        {
          check: 'configuration',
          status: 'ok',
          found: 'small mode, every variable is understood',
          advice: null,
        },
      ])
      expect(configurationChecks(config).find(({ check }) => check === 'issuer')?.status).to.equal(status)
    })
  }
})
