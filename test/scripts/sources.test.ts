import { mkdirSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'

type DigestOf = (root: string, paths: readonly string[]) => string

const SCRIPT = new URL('../../scripts/sources.mjs', import.meta.url).href

describe('a build', () => {
  let root: string
  let digest: () => string
  before(async () => {
    const { digestOf } = (await import(SCRIPT)) as { digestOf: DigestOf }
    digest = () => digestOf(root, ['src', 'tsconfig.json', 'missing'])
  })
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'keyturn-sources-'))
    mkdirSync(join(root, 'src/keys'), { recursive: true })
    writeFileSync(join(root, 'src/keys/a.ts'), 'one')
    writeFileSync(join(root, 'tsconfig.json'), '{}')
  })
  afterEach(() => rmSync(root, { recursive: true }))

  const changes: Record<string, () => void> = {
    'a file changes': () => writeFileSync(join(root, 'src/keys/a.ts'), 'two'),
    'a file is added': () => writeFileSync(join(root, 'src/keys/b.ts'), ''),
    'a file is renamed': () => renameSync(join(root, 'src/keys/a.ts'), join(root, 'src/keys/c.ts')),
    'a file goes': () => rmSync(join(root, 'tsconfig.json')),
  }
  for (const [name, change] of Object.entries(changes)) {
    it(`is stale when ${name}`, () => {
      const earlier = digest()
      change()
      expect(digest()).not.to.equal(earlier)
    })
  }

  it('is not stale when a checkout only touches files', () => {
    const earlier = digest()
    utimesSync(join(root, 'src/keys/a.ts'), new Date(0), new Date(0))
    expect(digest()).to.equal(earlier)
  })
})
