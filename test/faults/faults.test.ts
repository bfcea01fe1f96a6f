import { expect } from 'chai'
import { CONTROLS } from './controls.ts'
import { report } from './report.ts'
import { runSuite, type SuiteResult } from './suite.ts'

/** Well above what it takes on two cores that have nothing else to do. */
const TIMEOUT_MS = 600_000

describe('under faults', () => {
  let result: SuiteResult
  before(async function () {
    this.timeout(TIMEOUT_MS)
    result = await runSuite({ size: 'ci' })
    console.log(report(result))
  })

  it('G1 to G6 no session is lost, nothing spent or revoked comes back, and every valid request is answered as promised', () => {
    const violations = result.campaigns.flatMap(({ verdict }) => verdict.violations)
    expect(violations.map(({ kind, because }) => `${kind}: ${because}`)).to.deep.equal([])
  })

  it('G7, G8 no node ends by itself, and all is well again in time after each fault', () => {
    expect(result.campaigns.flatMap(({ problems }) => problems)).to.deep.equal([])
    expect(result.campaigns.flatMap(({ scenarios }) => scenarios)).to.not.be.empty
  })

  for (const { title } of CONTROLS) {
    it(`the suite finds it out: ${title}`, () => {
      const found = result.controls.find(({ control }) => control.title === title)
      expect(
        found?.isRed,
        JSON.stringify(found?.campaign.verdict.violations.map(({ kind }) => kind)),
      ).to.equal(true)
    })
  }
})
