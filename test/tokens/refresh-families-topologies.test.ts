import { openPostgres } from '../support/postgres.ts'
import { startCluster } from '../support/redis-cluster.ts'
import { redisFamilies } from '../support/redis-families.ts'
import { startSentinel } from '../support/redis-sentinel.ts'
import { sharedServer } from '../support/shared-servers.ts'
import { refreshFamiliesContract } from './refresh-families.contract.ts'

for (const [topology, running] of [
  ['Sentinel', sharedServer(() => startSentinel())],
  ['Cluster', sharedServer(() => startCluster())],
] as const) {
  describe(`refresh families on Redis ${topology} with the record`, () => {
    refreshFamiliesContract(async () => {
      const { database } = await openPostgres()
      const { url } = await running()
      const first = await redisFamilies(database, url)
      const second = await redisFamilies(database, url)
      return { database, nodes: [first.families, second.families] }
    })
  })
}
