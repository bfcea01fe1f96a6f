import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'

type Packages = Record<string, { version: string; dev?: boolean; optional?: boolean }>
type IsInstalled = (root: string, needs: { development: boolean }) => boolean

/** Plain JavaScript without types of its own, because it runs before anything is installed. */
const SCRIPT = new URL('../../scripts/install.mjs', import.meta.url).href

describe('npm start and npm test', () => {
  const locked: Packages = {
    '': { version: '1.0.0' },
    'node_modules/koa': { version: '3.3.0' },
    'node_modules/mocha': { version: '12.0.3', dev: true },
    'node_modules/for-another-platform': { version: '1.0.0', optional: true },
  }
  const installed: Packages = {
    'node_modules/koa': { version: '3.3.0' },
    'node_modules/mocha': { version: '12.0.3', dev: true },
  }
  let root: string
  let isInstalled: IsInstalled
  before(async () => {
    isInstalled = ((await import(SCRIPT)) as { isInstalled: IsInstalled }).isInstalled
  })
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'keyturn-install-'))
    writeFileSync(join(root, 'package-lock.json'), JSON.stringify({ packages: locked }))
  })
  afterEach(() => rmSync(root, { recursive: true }))

  function install(packages: Packages): void {
    mkdirSync(join(root, 'node_modules'))
    writeFileSync(join(root, 'node_modules/.package-lock.json'), JSON.stringify({ packages }))
  }

  it('install nothing when everything for this platform is there', () => {
    install({ ...installed, 'node_modules/extra': { version: '1.0.0' } })
    expect(isInstalled(root, { development: true })).to.equal(true)
  })

  it('install in a fresh checkout, and after an npm that was interrupted', () => {
    expect(isInstalled(root, { development: false })).to.equal(false)
    mkdirSync(join(root, 'node_modules'))
    expect(isInstalled(root, { development: false })).to.equal(false)
  })

  it('install when package-lock.json has moved on', () => {
    install({ ...installed, 'node_modules/koa': { version: '3.2.9' } })
    expect(isInstalled(root, { development: false })).to.equal(false)
  })

  it('install what builds and tests need where only the rest is there', () => {
    install({ 'node_modules/koa': { version: '3.3.0' } })
    expect(isInstalled(root, { development: false })).to.equal(true)
    expect(isInstalled(root, { development: true })).to.equal(false)
  })
})
