import { readdirSync, readFileSync } from 'node:fs'
import { expect } from 'chai'

const ROWS = 57

const read = (path: string) => readFileSync(new URL(`../../docs/${path}`, import.meta.url), 'utf8')

/** The rows of the table: a number, and the tests that its last cell names. */
function rowsOf(page: string): { number: number; tests: string[]; isDeclined: boolean }[] {
  const lines = [...page.matchAll(/^\| (\d+) \| .* \| (.*) \|$/gm)]
  return lines.map(([line, number, shownBy = '']) => ({
    number: Number(number),
    tests: [...shownBy.matchAll(/\]\((\.\.\/test\/[^)]+)\)/g)].map(([, path = '']) => path),
    isDeclined: /declined|not a test/.test(line),
  }))
}

/** The numbers that the titles of a test file begin with: `it('11, 20: refreshes …`. */
function numbersOf(source: string): Set<number> {
  const titles = source.matchAll(/\bit\(\s*['"`]((?:\d+, )*\d+): /g)
  return new Set([...titles].flatMap(([, list = '']) => list.split(', ').map(Number)))
}

describe('docs/from-django.md', () => {
  const rows = rowsOf(read('from-django.md'))

  it('has each of the rows once, in their order', () => {
    expect(rows.map(({ number }) => number)).to.deep.equal(Array.from({ length: ROWS }, (_, at) => at + 1))
  })

  it('names for each a test that bears its number, or says why there is none', () => {
    const without = rows.filter(({ number, tests, isDeclined }) => {
      const shown = tests.filter((path) => numbersOf(read(path)).has(number))
      return shown.length < tests.length || (tests.length === 0 && !isDeclined)
    })
    expect(without).to.deep.equal([])
  })

  it('leaves out no test that bears a number', () => {
    const named = new Map(rows.map(({ number, tests }) => [number, tests]))
    const all = readdirSync(new URL('..', import.meta.url), { recursive: true, encoding: 'utf8' })
    const files = all.filter((file) => file.endsWith('.test.ts') && file !== 'docs/from-django.test.ts')
    expect(files).to.include('django/simplejwt.test.ts')
    for (const file of files)
      for (const number of numbersOf(read(`../test/${file}`)))
        expect(named.get(number), `${number}`).to.include(`../test/${file}`)
  })

  it('control: a row whose test does not bear its number is noticed', () => {
    const [row] = rowsOf('| 12 | a promise | here | [test](../test/django/authtoken.test.ts) |')
    expect(row).to.deep.equal({ number: 12, tests: ['../test/django/authtoken.test.ts'], isDeclined: false })
    expect(numbersOf(read('../test/django/authtoken.test.ts')).has(12)).to.equal(false)
    expect([...numbersOf("it('1, 14: a login'\nit('S-140 12 a user'")]).to.deep.equal([1, 14])
  })
})
