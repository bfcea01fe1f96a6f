import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { afterwards } from '../support/root-hooks.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc')
const { bin, exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))

/** What a person who installs the package writes: strict, and without `skipLibCheck`. */
const PROGRAM = `
import { BearerError, createVerifier, fetchBearer, koaBearer, type AccessTokenClaims } from 'keyturn/resource'
const verifier = createVerifier({ issuer: 'https://id.example.com', audience: 'https://api.example.com' })
const hello = (_: Request, { sub, username }: AccessTokenClaims) => new Response(username ?? sub)
export const handler: (request: Request) => Promise<Response> = fetchBearer(verifier, { scope: 'read' }, hello)
export const middleware = koaBearer(verifier)
const answer = await handler(new Request('http://localhost/'))
console.log(answer.status, answer.headers.get('www-authenticate'), BearerError.name)
// @ts-expect-error an audience is needed
export const wrong = () => createVerifier({ issuer: 'https://id.example.com' })
// @ts-expect-error no symmetric algorithm
export const weak = () => createVerifier({ issuer: 'https://id.example.com', audience: 'a', algorithms: ['HS256'] })
`

/** Installs what `npm pack` would send, with nothing but jose beside it. */
function install(): { directory: string; files: string[] } {
  const pack = ['pack', '--dry-run', '--json', '--ignore-scripts', '--loglevel=error']
  const [{ files }] = JSON.parse(execFileSync('npm', pack, { cwd: ROOT, encoding: 'utf8' }))
  const paths = files.map(({ path }: { path: string }) => path)
  const directory = mkdtempSync(join(tmpdir(), 'keyturn-package-'))
  afterwards(async () => rmSync(directory, { recursive: true }))
  for (const path of paths) {
    const target = join(directory, 'node_modules/keyturn', path)
    mkdirSync(dirname(target), { recursive: true })
    cpSync(join(ROOT, path), target)
  }
  symlinkSync(join(ROOT, 'node_modules/jose'), join(directory, 'node_modules/jose'))
  return { directory, files: paths }
}

describe('the package', () => {
  let directory: string
  let files: string[]
  before(() => {
    ;({ directory, files } = install())
  })

  it('has what its programs and its library need, and no tests, sources or keys', () => {
    const { types, default: code } = exports['./resource']
    const entries = [bin.keyturn, types, code].map((path) => posix.normalize(path))
    expect(files).to.include.members([
      ...entries,
      'package.json',
      'README.md',
      'LICENSE',
      'dist/migrations/all.js',
    ])
    expect(files).to.include('dist/src/redis/scripts/rotate-refresh-family-1.lua')
    expect(files.filter((path) => !/^(dist\/|package\.json$|README\.md$|LICENSE$)/.test(path))).to.deep.equal(
      [],
    )
    expect(files.filter((path) => /(?<!\.d)\.ts$|^dist\/(test|keys)/.test(path))).to.deep.equal([])
  })

  it('keyturn/resource compiles and runs where nothing but jose is installed', () => {
    writeFileSync(join(directory, 'package.json'), '{"type":"module"}')
    writeFileSync(join(directory, 'main.ts'), PROGRAM)
    const strictly = [
      '--strict',
      '--exactOptionalPropertyTypes',
      '--noUncheckedIndexedAccess',
      '--outDir',
      'out',
    ]
    const types = ['--types', 'node', '--typeRoots', join(ROOT, 'node_modules/@types')]
    const how = ['--target', 'es2023', '--module', 'nodenext', '--lib', 'es2023', '--rootDir', '.', 'main.ts']
    execFileSync(process.execPath, [TSC, ...strictly, ...types, ...how], { cwd: directory, encoding: 'utf8' })
    const said = execFileSync(process.execPath, ['out/main.js'], { cwd: directory, encoding: 'utf8' })
    expect(said).to.equal('401 Bearer BearerError\n')
  })
})
