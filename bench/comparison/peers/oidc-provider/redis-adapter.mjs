/*
 * What oidc-provider asks of a store, on Redis: an item is a JSON string that expires by itself. Items of a grant are named
 * in a set, by which the grant is revoked.
 */

const GRANT_INDEXED = new Set(['AccessToken', 'AuthorizationCode', 'RefreshToken', 'DeviceCode'])

/** @param {import('ioredis').Redis} redis */
export function redisAdapter(redis) {
  return (model) => {
    const keyOf = (id) => `${model}:${id}`
    const read = async (key) => {
      const text = await redis.get(key)
      return text === null ? undefined : JSON.parse(text)
    }
    return {
      async upsert(id, payload, expiresIn) {
        const key = keyOf(id)
        const transaction = redis.multi().set(key, JSON.stringify(payload), 'EX', expiresIn)
        if (payload.grantId && GRANT_INDEXED.has(model)) {
          const index = `grant:${payload.grantId}`
          transaction.sadd(index, key).expire(index, expiresIn, 'GT')
        }
        await transaction.exec()
      },
      find: (id) => read(keyOf(id)),
      async findByUid() {},
      async findByUserCode() {},
      async consume(id) {
        const payload = await read(keyOf(id))
        if (!payload) return
        payload.consumed = Math.floor(Date.now() / 1000)
        await redis.set(keyOf(id), JSON.stringify(payload), 'KEEPTTL')
      },
      async destroy(id) {
        await redis.del(keyOf(id))
      },
      async revokeByGrantId(grantId) {
        const index = `grant:${grantId}`
        await redis.del(index, ...(await redis.smembers(index)))
      },
    }
  }
}
