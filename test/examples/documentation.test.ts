import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { readConfig } from '../../src/config.ts'
import { keySchedule, permittedStalenessSeconds, publishToActivateSeconds } from '../../src/keys/schedule.ts'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const DOCUMENT = read('docs/resource-servers.md')

/** The lines of the code block of a language, without what they are indented by. */
function codeLines(language: string): string[] {
  const [, block = ''] = new RegExp(`\`\`\`${language}\n([^]*?)\n\`\`\``).exec(DOCUMENT) ?? []
  return block.split('\n').map((line) => line.trim())
}

describe('docs/resource-servers.md', () => {
  for (const [language, example] of [
    ['ts', 'examples/resource-server-node/server.ts'],
    ['python', 'examples/resource-server-django/server.py'],
  ] as const) {
    it(`shows what ${example} does, which is run`, () => {
      const source = read(example)
        .split('\n')
        .map((line) => line.trim())
      const lines = codeLines(language)
      expect(lines).to.have.length.greaterThan(5)
      expect(source).to.include.members(lines)
    })
  }

  it('reckons with the schedule that is in force', () => {
    const { keyRotationPeriodSeconds, jwksMaxAgeSeconds } = readConfig({})
    const schedule = keySchedule({ rotationPeriodSeconds: keyRotationPeriodSeconds, jwksMaxAgeSeconds })
    const text = DOCUMENT.replaceAll(/\s+/g, ' ')
    expect(text).to.include(`at least ${publishToActivateSeconds(schedule)} seconds before it signs`)
    expect(text).to.include(`${permittedStalenessSeconds(schedule)} s in caches on the way`)
    expect(text).to.include(`for longer than ${schedule.verifierCacheSeconds} seconds`)
  })
})
