import { expect } from 'chai'

type Stages = (files: readonly string[], env: NodeJS.ProcessEnv) => string[][][]

const SCRIPT = new URL('../../scripts/stages.mjs', import.meta.url).href
const FILES = [
  'test/a.test.ts',
  'test/b/c.test.ts',
  'test/faults/x.test.ts',
  'test/rotation/w.test.ts',
  'test/support/y.test.ts',
  'test/z.test.ts',
  'test/z2.test.ts',
]

describe('the stages of npm test', () => {
  let stages: Stages
  before(async () => {
    ;({ stages } = (await import(SCRIPT)) as { stages: Stages })
  })

  it('run every file once: what fetches servers before all others, what measures alone and last', () => {
    expect(stages(FILES, {})).to.deep.equal([
      [['test/support/y.test.ts']],
      [['test/a.test.ts', 'test/z2.test.ts'], ['test/b/c.test.ts'], ['test/z.test.ts']],
      [['test/faults/x.test.ts', 'test/rotation/w.test.ts']],
    ])
  })

  it('have one lane each where the servers are shared', () => {
    const lanes = stages(FILES, { KEYTURN_TEST_REDIS_URL: 'redis://127.0.0.1' }).map(({ length }) => length)
    expect(lanes).to.deep.equal([1, 1, 1])
    expect(stages([], {})).to.deep.equal([])
  })
})
