/**
 * What a login at `/dj-rest-auth/` hands out: `jwt` an access and a refresh token (`USE_JWT = True`), `key` the user's
 * authtoken (`USE_JWT = False`, its default).
 */
export type RestAuthMode = 'jwt' | 'key'
