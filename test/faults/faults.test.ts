import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { CONTROLS } from './controls.ts'
import { report } from './report.ts'
import type { SuiteResult } from './suite.ts'

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url))
/** Well above what it takes on two cores that have nothing else to do. */
const TIMEOUT_MS = 600_000

describe('under faults', () => {
  let result: SuiteResult
  before(async function () {
    this.timeout(TIMEOUT_MS)
    result = await runSuite()
    console.log(report(result))
  })

  it('G1 to G6 no session is lost, nothing spent or revoked comes back, every valid request is answered as promised', () => {
    const violations = result.campaigns.flatMap(({ verdict }) => verdict.violations)
    expect(violations.map(({ kind, because }) => `${kind}: ${because}`)).to.deep.equal([])
  })

  it('G7, G8 no node ends by itself, and all is well again after each fault', () => {
    expect(result.campaigns.flatMap(({ problems }) => problems)).to.deep.equal([])
    expect(result.campaigns.flatMap(({ scenarios }) => scenarios)).to.have.length.above(30)
  })

  for (const { title } of CONTROLS) {
    it(`a broken build is found out: ${title}`, () => {
      const found = result.controls.find(({ control }) => control.title === title)
      const kinds = found?.campaign.verdict.violations.map(({ kind }) => kind)
      expect(found?.isRed, String(kinds)).to.equal(true)
    })
  }
})

/** In a process of its own: what the tests before it have left behind must not slow it down. */
async function runSuite(): Promise<SuiteResult> {
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN, '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: TIMEOUT_MS,
  })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (more: string) => {
    text += more
  })
  await new Promise((resolve) => child.once('close', resolve))
  return JSON.parse(text)
}
