import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeBuild } from './builds.ts'
import { runCampaign } from './campaign.ts'
import { REDIS_FAULTS } from './redis-faults.ts'
import { scenariosOf } from './scenario.ts'
import { startWorld } from './world.ts'

const directory = mkdtempSync(join(tmpdir(), 'keyturn-faults-'))
try {
  const build = makeBuild(join(directory, 'build'))
  const world = await startWorld({ topology: 'standalone', nodes: 2, build, directory })
  try {
    const result = await runCampaign(world, scenariosOf(REDIS_FAULTS, 'standalone', 'ci'), {
      size: 'ci',
      requestsPerSecond: 60,
      onScenario: (r) =>
        console.log(r.name, r.operations, r.unavailable, r.unanswered, r.recoveryMs, r.problems),
    })
    for (const v of result.verdict.violations) console.log(v.kind, v.because, v.operation)
    console.log(
      result.problems,
      result.operations,
      result.seconds,
      result.verdict.lateRetries,
      result.verdict.endedLate,
    )
  } finally {
    await world.close()
  }
} finally {
  rmSync(directory, { recursive: true })
}
