import { expect } from 'chai'

type NodeVersionProblem = (version: string) => string | undefined

const SCRIPT = new URL('../../scripts/node-version.mjs', import.meta.url).href

describe('a Node that is too old', () => {
  it('is told what is needed, and no other', async () => {
    const { nodeVersionProblem } = (await import(SCRIPT)) as { nodeVersionProblem: NodeVersionProblem }
    for (const version of ['18.20.8', '20.18.3']) {
      expect(nodeVersionProblem(version)).to.include('20.19').and.include(version)
    }
    for (const version of ['20.19.0', '22.0.0', '24.1.0'])
      expect(nodeVersionProblem(version)).to.equal(undefined)
  })
})
