/**
 * `keyturn/resource`: for whoever writes a resource server. Start with `createVerifier` and the adapter of your framework;
 * docs/resource-servers.md shows each. It needs `jose` and nothing else of Keyturn.
 */
export { type AccessTokenClaims, hasScope, type Needs } from './access-token-claims.ts'
export { BearerError, type BearerErrorCode } from './bearer-error.ts'
export { authorizationOf, type NodeRequest, readBearerToken } from './bearer-token.ts'
export type { Fetch } from './bounded-fetch.ts'
export type { ResourceClock } from './clock.ts'
export { type ExpressResponse, expressBearer } from './express.ts'
export { type FastifyReply, type FastifyRequest, fastifyBearer } from './fastify.ts'
export { type AuthenticatedHandler, fetchBearer } from './fetch-handler.ts'
export { createIntrospection, type Introspection, type IntrospectionOptions } from './introspection.ts'
export type { KeysEvent } from './key-cache.ts'
export type { ResourceAlgorithm } from './key-set.ts'
export { type KoaContext, koaBearer } from './koa.ts'
export { createVerifier, type Verifier, type VerifierOptions } from './verifier.ts'
