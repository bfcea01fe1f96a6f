/** How a kind of resource server keeps the keys that it has fetched, with the settings it comes with. */
export interface Verifier {
  readonly name: string
  /** How long it may trust a key after the key has left the JWKS; null where nothing but a restart is sure to help. */
  readonly trustsSeconds: number | null
  /** What ends that trust earlier. */
  readonly remedy: string
}

const MINUTE = 60
const HOUR = 3600

/**
 * The resource servers that are known to us, as their source and documentation have it. Removing a key from the JWKS does
 * not revoke it with whoever has it in memory: this is how long that takes.
 */
export const VERIFIERS: readonly Verifier[] = [
  {
    name: 'keyturn/resource',
    trustsSeconds: 10 * MINUTE,
    remedy: 'a token of an unknown kid, 30 s after it last fetched, or restart',
  },
  {
    name: 'jose createRemoteJWKSet',
    trustsSeconds: 10 * MINUTE,
    remedy: 'reload() of the set, or restart',
  },
  { name: 'jwks-rsa', trustsSeconds: 10 * MINUTE, remedy: 'restart' },
  {
    name: 'PyJWT PyJWKClient, simplejwt',
    trustsSeconds: 5 * MINUTE,
    remedy: 'a token of an unknown kid for each process, or restart',
  },
  {
    name: 'PyJWT PyJWKClient, cache_keys=True',
    trustsSeconds: null,
    remedy: 'restart: it never drops a key',
  },
  {
    name: 'go-oidc RemoteKeySet',
    trustsSeconds: null,
    remedy: 'a token of an unknown kid (version 2: once max-age is over), or restart',
  },
  { name: 'mod_auth_openidc', trustsSeconds: HOUR, remedy: 'a token of an unknown kid, or restart Apache' },
  {
    name: 'mod_oauth2',
    trustsSeconds: 24 * HOUR,
    remedy: 'restart Apache; a token of an unknown kid, but for results that it keeps',
  },
  { name: 'Nimbus, Spring Security', trustsSeconds: 5 * MINUTE, remedy: 'restart' },
  { name: '.NET ConfigurationManager', trustsSeconds: 12 * HOUR, remedy: 'RequestRefresh(), or restart' },
  { name: 'Envoy jwt_authn', trustsSeconds: 10 * MINUTE, remedy: 'restart, or reload the listener' },
]
