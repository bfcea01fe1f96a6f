import { generateKeyPairSync } from 'node:crypto'
import { Redis } from 'ioredis'
import { Provider } from 'oidc-provider'
import { redisAdapter } from './redis-adapter.mjs'

/*
 * oidc-provider as its manual says: RS256 access tokens of a resource server, refresh tokens that rotate, everything in
 * Redis. Arguments: the port, the URL of Redis, the client's id and secret.
 */

const [port, redisUrl, clientId, clientSecret] = process.argv.slice(2)
const issuer = `http://127.0.0.1:${port}`
const RESOURCE = 'https://api.example.com'
const SCOPE = 'read write'
const HOUR = 3600
const DAYS_14 = 14 * 24 * HOUR

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const provider = new Provider(issuer, {
  adapter: redisAdapter(new Redis(redisUrl)),
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'one', alg: 'RS256', use: 'sig' }] },
  clients: [
    {
      client_id: clientId,
      client_secret: clientSecret,
      grant_types: ['authorization_code', 'client_credentials', 'refresh_token'],
      redirect_uris: ['https://app.example.com/callback'],
      response_types: ['code'],
      scope: `${SCOPE} offline_access`,
    },
  ],
  scopes: ['offline_access', ...SCOPE.split(' ')],
  cookies: { keys: ['a key that nothing here signs with'] },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  rotateRefreshToken: true,
  ttl: { AccessToken: HOUR, ClientCredentials: HOUR, RefreshToken: DAYS_14, Grant: DAYS_14 },
  routes: { token: '/oauth/token', introspection: '/oauth/introspect', jwks: '/.well-known/jwks.json' },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => RESOURCE,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: SCOPE,
        audience: RESOURCE,
        accessTokenTTL: HOUR,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
})

/** A session as a login leaves it behind: a grant, its refresh token, and an opaque access token to introspect. */
provider.use(async (ctx, next) => {
  if (ctx.path !== '/bench/session') return next()
  const client = await provider.Client.find(clientId)
  const accountId = 'alice'
  const grant = new provider.Grant({ accountId, clientId })
  grant.addResourceScope(RESOURCE, SCOPE)
  grant.addOIDCScope('offline_access')
  const grantId = await grant.save()
  const about = { accountId, client, grantId, gty: 'authorization_code', scope: `${SCOPE} offline_access` }
  const refresh = new provider.RefreshToken({ ...about, resource: RESOURCE })
  const access = new provider.AccessToken(about)
  ctx.body = { refresh: await refresh.save(), access: await access.save() }
})
provider.listen(Number(port), '127.0.0.1')
