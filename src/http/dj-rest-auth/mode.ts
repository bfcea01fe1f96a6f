/**
 * What a login at `/dj-rest-auth/` hands out: `jwt` an access and a refresh token (`USE_JWT = True`), `cookie` the same in
 * cookies that scripts cannot read (`JWT_AUTH_HTTPONLY = True`), `key` the user's authtoken (`USE_JWT = False`).
 */
export type RestAuthMode = 'jwt' | 'cookie' | 'key'
