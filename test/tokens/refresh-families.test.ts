import { refreshFamiliesPostgres } from '../../src/tokens/refresh-families-postgres.ts'
import { forEachDatabase } from '../support/databases.ts'
import { openRedisFamilies } from '../support/redis-families.ts'
import { refreshFamiliesContract } from './refresh-families.contract.ts'

describe('refresh families on the record alone', () => {
  forEachDatabase((_name, open) => {
    refreshFamiliesContract(async () => {
      const database = await open()
      return { database, nodes: [refreshFamiliesPostgres(database), refreshFamiliesPostgres(database)] }
    })
  })
})

describe('refresh families on Redis with the record', () => {
  refreshFamiliesContract(async () => openRedisFamilies())
})
