import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { VERIFIERS } from '../../src/keys/verifiers.ts'

const page = readFileSync(new URL('../../docs/runbooks/emergency.md', import.meta.url), 'utf8')

describe('docs/runbooks/emergency.md', () => {
  it('has the same verifiers as the command prints', () => {
    const table = page.split('\n').filter((line) => /^\| (?!resource server)/.test(line))
    const expected = VERIFIERS.map(({ name, trustsSeconds, remedy }) => {
      const minutes = trustsSeconds === null ? 'no limit' : `${trustsSeconds / 60} min`
      return `| ${name} | ${minutes} | ${remedy} |`
    })
    expect(expected).to.have.length.greaterThan(5)
    expect(table).to.deep.equal(expected)
  })
})
