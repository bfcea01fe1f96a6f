import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { callControl } from '../../src/control/control-client.ts'
import { listenControl } from '../../src/control/control-server.ts'
import { controlSocketPath } from '../../src/control/control-socket-path.ts'
import { Refusal } from '../../src/refusal.ts'

describe('the path of the control socket', () => {
  let root: string
  let runtime: string
  let long: string
  const uid = process.getuid?.() ?? -1

  beforeEach(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'keyturn-path-')))
    runtime = join(root, 'run')
    mkdirSync(runtime)
    long = join(root, 'x'.repeat(100), 'data')
    mkdirSync(long, { recursive: true })
  })
  afterEach(() => rmSync(root, { recursive: true }))

  const refusalOf = (as = uid) => {
    try {
      return controlSocketPath(long, runtime, as)
    } catch (error) {
      expect(error).to.be.instanceOf(Refusal).with.property('code', 'runtime_directory_unsafe')
      return (error as Error).message
    }
  }

  it('is in the data directory where it fits', () => {
    expect(controlSocketPath(join(root, 'data'), runtime)).to.equal(join(root, 'data', 'control.sock'))
  })

  it('is in a private directory of ours where it does not, and works there', async () => {
    const path = controlSocketPath(long, runtime)
    expect(path).to.match(/\/run\/keyturn-\d+\/[0-9a-f]{32}\.sock$/)
    expect(Buffer.byteLength(path)).to.be.below(101)
    expect(statSync(join(runtime, `keyturn-${uid}`)).mode & 0o777).to.equal(0o700)

    const server = await listenControl(path, { echo: async (input) => input })
    expect(await callControl(path, 'echo', 'hello')).to.equal('hello')
    await server.close()
  })

  it('is the same for every name of a directory, and another one for another directory', () => {
    const link = join(root, 'link')
    symlinkSync(long, link)
    const other = join(root, 'y'.repeat(100))
    mkdirSync(other)
    expect(controlSocketPath(link, runtime)).to.equal(controlSocketPath(long, runtime))
    expect(controlSocketPath(other, runtime)).to.not.equal(controlSocketPath(long, runtime))
  })

  it('a directory that somebody else made first is refused', () => {
    mkdirSync(join(runtime, `keyturn-${uid + 1}`), { mode: 0o700 })
    expect(refusalOf(uid + 1)).to.contain('belongs to another user')
    expect(refusalOf(uid)).to.match(/\.sock$/)
  })

  it('a directory that others may enter is refused', () => {
    mkdirSync(join(runtime, `keyturn-${uid}`))
    chmodSync(join(runtime, `keyturn-${uid}`), 0o770)
    expect(refusalOf()).to.contain('others may enter it')
  })

  it('a link in place of the directory is refused, whatever it leads to', () => {
    mkdirSync(join(root, 'mine'), { mode: 0o700 })
    symlinkSync(join(root, 'mine'), join(runtime, `keyturn-${uid}`))
    expect(refusalOf()).to.contain('not a directory')
  })

  it('a runtime directory where anybody may replace ours is refused; with the sticky bit it is not', () => {
    chmodSync(runtime, 0o777)
    expect(refusalOf()).to.contain('anybody may replace')
    chmodSync(runtime, 0o1777)
    expect(refusalOf()).to.match(/\.sock$/)
  })
})
