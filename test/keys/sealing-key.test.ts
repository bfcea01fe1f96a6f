import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { seal } from '../../src/crypto/envelope.ts'
import { holdSealingKey, type SealingKeyProblem } from '../../src/keys/sealing-key.ts'
import {
  addSealingKeyLine,
  createSealingKey,
  readSealingKeyFile,
  sealingKeyPath,
} from '../../src/keys/sealing-key-file.ts'
import { failureOf, memoryLogger, newSealingKey } from './fixtures.ts'

describe('the sealing key', () => {
  let parent: string
  let directory: string

  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), 'keyturn-keys-'))
    directory = join(parent, 'deeper', 'keys')
  })
  afterEach(() => rm(parent, { recursive: true }))

  it('is made with its directory, for its owner alone, and read back', async () => {
    const made = await createSealingKey(directory)
    const [line] = made.lines()
    expect(line.bytes).to.have.length(32)
    expect((await stat(directory)).mode & 0o777).to.equal(0o700)
    expect((await stat(sealingKeyPath(directory))).mode & 0o777).to.equal(0o600)
    expect(await readdir(directory)).to.deep.equal(['sealing.key'])
    const [read] = await readSealingKeyFile(directory)
    expect(read.bytes.equals(line.bytes)).to.equal(true)
    expect(read.fingerprint).to.equal(made.fingerprint)
  })

  it('is another one each time, and so is its fingerprint, which shows nothing of it', async () => {
    const [one, other] = [await createSealingKey(directory), await createSealingKey(join(parent, 'other'))]
    expect(one.lines()[0].bytes.equals(other.lines()[0].bytes)).to.equal(false)
    expect(one.fingerprint)
      .to.match(/^[0-9a-f]{8}$/)
      .and.not.equal(other.fingerprint)
    expect(one.lines()[0].bytes.toString('hex')).not.to.include(one.fingerprint)
  })

  it('is there as a whole or not at all, whenever somebody looks or the power goes', async () => {
    for (let round = 0; round < 20; round++) {
      const place = join(parent, `round-${round}`)
      let isMade = false
      const making = createSealingKey(place).then(() => {
        isMade = true
      })
      while (!isMade) {
        const text = existsSync(sealingKeyPath(place)) ? readFileSync(sealingKeyPath(place), 'latin1') : null
        if (text !== null) expect(text).to.have.length(44)
        await new Promise((resolve) => setImmediate(resolve))
      }
      await making
      expect(await readdir(place)).to.deep.equal(['sealing.key'])
    }
  })

  it('is never overwritten, not even by two that make one at once', async () => {
    const attempts = await Promise.allSettled([1, 2, 3].map(() => createSealingKey(directory)))
    expect(attempts.filter(({ status }) => status === 'fulfilled')).to.have.length(1)
    const before = await readFile(sealingKeyPath(directory))
    expect(await failureOf(createSealingKey(directory))).to.include({ code: 'sealing_key_exists' })
    expect((await readFile(sealingKeyPath(directory))).equals(before)).to.equal(true)
  })

  it('is not put in the place of something else of that name, nor behind a link', async () => {
    await mkdir(directory, { recursive: true })
    await symlink(join(parent, 'elsewhere'), sealingKeyPath(directory))
    expect(await failureOf(createSealingKey(directory))).to.include({ code: 'sealing_key_exists' })
    expect(await readdir(parent)).to.deep.equal(['deeper'])
  })

  it('K-06 when it is missing, the problem names the command that helps', async () => {
    const problem = (await failureOf(readSealingKeyFile(directory))) as SealingKeyProblem
    expect(problem).to.include({ name: 'SealingKeyProblem', kind: 'missing' })
    expect(problem.message).to.include('keyturn keys init').and.to.include(sealingKeyPath(directory))
  })

  const ANOTHER = `${'B'.repeat(42)}E`
  const WELL_FORMED = `${'A'.repeat(42)}E`
  for (const [what, content] of [
    ['an empty file', ''],
    ['a key that is cut', 'A'.repeat(42)],
    ['a key that is too long', 'A'.repeat(44)],
    ['a key with a character that base64url lacks', `${'A'.repeat(41)}+E`],
    ['a second spelling of the same bytes', `${'A'.repeat(42)}F`],
    ['the same key twice', `${WELL_FORMED}\n${WELL_FORMED}\n`],
    ['a good key above one that is cut', `${WELL_FORMED}\n${'A'.repeat(42)}\n`],
    ['an empty line between two keys', `${WELL_FORMED}\n\n${ANOTHER}\n`],
    ['seventeen keys', Array.from('BCDEFGHIJKLMNOPQR', (c) => `${c.repeat(42)}A`).join('\n')],
    ['a key in hexadecimal', '0'.repeat(64)],
  ] as const) {
    it(`K-06 ${what} is malformed, and the problem does not show it`, async () => {
      await mkdir(directory, { recursive: true })
      await writeFile(sealingKeyPath(directory), content)
      const problem = (await failureOf(readSealingKeyFile(directory))) as SealingKeyProblem
      expect(problem).to.include({ name: 'SealingKeyProblem', kind: 'malformed' })
      expect(problem.message).not.to.include('AAAA')
    })
  }

  it('may end in a line break or not', async () => {
    await mkdir(directory, { recursive: true })
    for (const ending of ['', '\n', '\r\n']) {
      await writeFile(sealingKeyPath(directory), WELL_FORMED + ending)
      expect((await readSealingKeyFile(directory))[0].bytes).to.have.length(32)
    }
  })

  it('K-06 when it cannot be read, the problem says why', async () => {
    await mkdir(sealingKeyPath(directory), { recursive: true })
    const problem = (await failureOf(readSealingKeyFile(directory))) as SealingKeyProblem
    expect(problem).to.include({ name: 'SealingKeyProblem', kind: 'unreadable' })
    expect(problem.message).to.include('EISDIR')
  })

  it('takes a new line in front, keeps the old ones, and stays for its owner alone', async () => {
    const old = await createSealingKey(directory)
    const sealed = seal(old.lines()[0].bytes, Buffer.from('what was there'), 'row')
    const added = await addSealingKeyLine(directory)
    expect(added.lines()).to.have.length(2)
    expect(added.lines()[1]?.fingerprint).to.equal(old.fingerprint)
    expect(added.fingerprint).not.to.equal(old.fingerprint)
    expect(await readSealingKeyFile(directory)).to.deep.equal(added.lines())
    expect((await stat(sealingKeyPath(directory))).mode & 0o777).to.equal(0o600)
    expect(await readdir(directory)).to.deep.equal(['sealing.key'])
    expect(added.open(sealed, 'row').opened.toString()).to.equal('what was there')
    expect(added.open(sealed, 'row').line.fingerprint).to.equal(old.fingerprint)
    expect(added.opens(sealed, 'another row'), 'control').to.equal(false)
  })

  it('is the old one or both, whenever somebody looks while a line is added', async () => {
    await createSealingKey(directory)
    const seen = new Set<number>()
    for (let round = 0; round < 10; round++) {
      let isAdded = false
      const adding = addSealingKeyLine(directory).then(() => {
        isAdded = true
      })
      while (!isAdded) {
        seen.add(readFileSync(sealingKeyPath(directory)).length % 44)
        await new Promise((resolve) => setImmediate(resolve))
      }
      await adding
    }
    expect([...seen]).to.deep.equal([0])
    expect(await readSealingKeyFile(directory)).to.have.length(11)
  })

  it('takes no line where there is none yet, or one that cannot be read', async () => {
    expect(await failureOf(addSealingKeyLine(directory))).to.include({ kind: 'missing' })
    await mkdir(directory, { recursive: true })
    await writeFile(sealingKeyPath(directory), 'something else\n')
    expect(await failureOf(addSealingKeyLine(directory))).to.include({ kind: 'malformed' })
    expect(await readFile(sealingKeyPath(directory), 'utf8')).to.equal('something else\n')
  })

  it('K-06 that cannot be read again stays in use, and the log says so', async () => {
    const logger = memoryLogger()
    const { lines } = newSealingKey()
    const key = holdSealingKey(lines(), { read: () => readSealingKeyFile(directory), logger })
    await key.reread('unopened')
    expect(key.lines()).to.equal(lines())
    expect(logger.lines.map(({ level }) => level)).to.deep.equal(['warn'])
    expect(await failureOf(key.requireReread())).to.include({ kind: 'missing' })
    expect(key.lines()).to.equal(lines())

    const { fingerprint } = await createSealingKey(directory)
    await key.reread('unopened')
    expect(key.fingerprint).to.equal(fingerprint)
    const now = key.lines()
    await key.reread('routine')
    expect(key.lines(), 'the same array where nothing has changed').to.equal(now)
  })
})
