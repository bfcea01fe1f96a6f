import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { CONTROLS } from './controls.ts'
import { report, verificationsOf } from './report.ts'
import type { SuiteResult } from './suite.ts'

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url))
/** Well above what it takes on two cores that have nothing else to do. */
const TIMEOUT_MS = 400_000
/** Each presents thousands of tokens at three ages. */
const LEAST_VERIFICATIONS = 10_000

describe('a rotation of the signing key', () => {
  let result: SuiteResult
  before(async function () {
    this.timeout(TIMEOUT_MS)
    result = await runSuite()
    console.log(report(result))
  })

  it('K-30 is noticed by no resource server: every token verifies at birth, in mid-life and in its last second', () => {
    const failures = result.campaigns.flatMap((campaign) => campaign.failures)
    expect(failures).to.deep.equal([])
    for (const campaign of result.campaigns) {
      const signed = campaign.rotations.map(({ title, tokens }) => `${title}: ${Math.sign(tokens)}`)
      expect(signed, 'each key has signed').to.deep.equal(
        campaign.rotations.map(({ title }) => `${title}: 1`),
      )
      expect(verificationsOf(campaign)).to.be.above(LEAST_VERIFICATIONS)
    }
  })

  it('K-30 no node ends by itself, and no valid request gets a wrong answer', () => {
    expect(result.campaigns.flatMap(({ incidents }) => incidents)).to.deep.equal([])
  })

  it('K-32 in an emergency nothing is refused but what the revoked key signed', () => {
    expect(result.emergency?.failures).to.deep.equal([])
    expect(result.emergency?.exposure).to.have.length.above(7)
    expect(result.emergency?.refusedTokens).to.be.above(0)
  })

  for (const { title } of CONTROLS) {
    it(`K-31 a broken build is found out: ${title}`, () => {
      const found = result.controls.find((control) => control.title === title)
      expect(found?.isRed, JSON.stringify(found)).to.equal(true)
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
