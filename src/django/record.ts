/** One row of a Django database, in the form that `dumpdata` has for it. */
export interface DjangoRecord {
  /** In lower case: `auth.user`, `authtoken.token`. */
  readonly model: string
  /** Undefined where the dump was made with `--natural-primary`. */
  readonly pk: unknown
  readonly fields: Readonly<Record<string, unknown>>
}

/** The models of an export that are brought along, besides the users themselves. */
export const AUTHTOKEN_MODEL = 'authtoken.token'
export const API_KEY_MODEL = 'rest_framework_api_key.apikey'

export const OUTSTANDING_MODEL = 'token_blacklist.outstandingtoken'
export const BLACKLISTED_MODEL = 'token_blacklist.blacklistedtoken'

/** What a project calls its users. */
export interface UserModel {
  /** `app.model` in lower case. */
  readonly model: string
  /** The field that a user signs in with (`USERNAME_FIELD`). */
  readonly usernameField: string
}
