import { Refusal } from '../refusal.ts'
import { AS_THERE, type Judge, type Settings, type Verdict } from './simple-jwt-verdict.ts'

/** What becomes of one name of `SIMPLE_JWT`. */
export type SettingReport = { readonly setting: string } & Verdict

const DEFAULTS = 'rest_framework_simplejwt.'

/** Every name that simplejwt has, and what it is here. One that is not set is as simplejwt has it, and not looked at. */
const SETTINGS: Readonly<Record<string, Judge>> = {
  ACCESS_TOKEN_LIFETIME: (value) => lifetime(value, (seconds) => ({ accessTokenTtlSeconds: seconds })),
  REFRESH_TOKEN_LIFETIME: (value, { ROTATE_REFRESH_TOKENS: rotates }) =>
    lifetime(value, (seconds) => ({
      refreshIdleTtlSeconds: seconds,
      // Without rotation the first token is the last one: the session ends with it.
      ...(rotates !== true && { refreshAbsoluteTtlSeconds: seconds }),
    })),
  ROTATE_REFRESH_TOKENS: (value) =>
    value === true
      ? AS_THERE
      : differs('each refresh answers with a new refresh token, which the client has to use from then on'),
  BLACKLIST_AFTER_ROTATION: (value, { ROTATE_REFRESH_TOKENS: rotates }) =>
    value === true || rotates !== true ? AS_THERE : differs('a refresh token is good for one refresh'),
  UPDATE_LAST_LOGIN: (value) => (value === true ? AS_THERE : settled('it is always written')),
  ALGORITHM: algorithm,
  SIGNING_KEY: () => settled('Keyturn has keys of its own; the old one is for --signing-key'),
  VERIFYING_KEY: () => settled('resource servers read /.well-known/jwks.json'),
  AUDIENCE: audience,
  ISSUER: (value, _settings, issuer) =>
    value === null || value === issuer ? AS_THERE : differs(`tokens say ${issuer}: set KEYTURN_ISSUER`),
  JWK_URL: () => settled('resource servers point it at /.well-known/jwks.json here'),
  LEEWAY: () => settled('for resource servers, which keep it'),
  AUTH_HEADER_TYPES: (value) =>
    [value].flat().join() === 'Bearer'
      ? AS_THERE
      : differs('the scheme is Bearer, in resource servers as well'),
  AUTH_HEADER_NAME: (value) =>
    value === 'HTTP_AUTHORIZATION' ? AS_THERE : differs('tokens are read from Authorization only'),
  USER_ID_FIELD: (value) =>
    value === 'id' || value === 'pk' ? AS_THERE : differs('tokens name users by their primary key'),
  USER_ID_CLAIM: (value) =>
    value === 'user_id' || value === 'sub' ? AS_THERE : differs('the claims are sub and user_id'),
  USER_AUTHENTICATION_RULE: ofPackage('who is active may sign in, and nobody else'),
  ON_LOGIN_SUCCESS: ofPackage('logins are in the audit log'),
  ON_LOGIN_FAILED: ofPackage('refused logins are in the audit log'),
  CHECK_USER_IS_ACTIVE: (value) =>
    value === true ? AS_THERE : differs('the tokens of a user who is disabled are refused'),
  CHECK_REVOKE_TOKEN: () => settled('another password always ends the sessions'),
  REVOKE_TOKEN_CLAIM: () => settled('another password always ends the sessions'),
  AUTH_TOKEN_CLASSES: (value) =>
    [value].flat().join() === `${DEFAULTS}tokens.AccessToken`
      ? AS_THERE
      : differs('there are access tokens only'),
  TOKEN_TYPE_CLAIM: claim('token_type'),
  JTI_CLAIM: claim('jti'),
  TOKEN_USER_CLASS: () => settled('for resource servers, which keep it'),
  JSON_ENCODER: (value) => (value === null ? AS_THERE : differs('claims are plain JSON')),
  SLIDING_TOKEN_REFRESH_EXP_CLAIM: () => settled('there are no sliding tokens'),
  SLIDING_TOKEN_LIFETIME: () => settled('there are no sliding tokens'),
  SLIDING_TOKEN_REFRESH_LIFETIME: () => settled('there are no sliding tokens'),
  TOKEN_OBTAIN_SERIALIZER: ofPackage('claims and fields of your own are not issued'),
  TOKEN_REFRESH_SERIALIZER: ofPackage('claims and fields of your own are not issued'),
  TOKEN_VERIFY_SERIALIZER: ofPackage('what is verified is fixed'),
  TOKEN_BLACKLIST_SERIALIZER: ofPackage('what is blacklisted is fixed'),
  SLIDING_TOKEN_OBTAIN_SERIALIZER: () => settled('there are no sliding tokens'),
  SLIDING_TOKEN_REFRESH_SERIALIZER: () => settled('there are no sliding tokens'),
}

/** Every name there is, for the documentation's sake. */
export const SIMPLE_JWT_NAMES: readonly string[] = Object.keys(SETTINGS)

/**
 * What becomes of `SIMPLE_JWT`, name by name.
 * @param text JSON of the dictionary, or of an object that has it as `SIMPLE_JWT`
 * @param issuer ours
 * @throws Refusal where it is neither
 */
export function readSimpleJwt(text: string, issuer: string): SettingReport[] {
  const settings = settingsIn(text)
  return Object.entries(settings).map(([setting, value]) => {
    const judge = Object.hasOwn(SETTINGS, setting) ? SETTINGS[setting] : undefined
    return { setting, ...(judge?.(value, settings, issuer) ?? refused('simplejwt has no such setting')) }
  })
}

function settingsIn(text: string): Settings {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    value = undefined
  }
  const settings = isObject(value) && isObject(value['SIMPLE_JWT']) ? value['SIMPLE_JWT'] : value
  if (isObject(settings)) return settings
  throw new Refusal(
    'settings_unreadable',
    'the settings are no JSON object: docs/moving-in.md has the line that prints one',
  )
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function lifetime(value: unknown, toChanges: (seconds: number) => Record<string, unknown>): Verdict {
  const seconds = typeof value === 'number' ? value : secondsOf(String(value))
  if (seconds === undefined) return refused('it is neither seconds nor HH:MM:SS')
  return { outcome: 'taken', message: `${seconds} seconds`, changes: toChanges(seconds) }
}

/** As Python prints a timedelta: `0:05:00`, `1 day, 0:00:00`. */
function secondsOf(text: string): number | undefined {
  const parts = /^(?:(\d{1,5}) days?, )?(\d{1,6}):([0-5]\d):([0-5]\d)(?:\.\d+)?$/.exec(text)
  if (!parts) return undefined
  const [, days = '0', hours, minutes, seconds] = parts
  return Number(days) * 86_400 + Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)
}

/** RS256 is the default; what signs beside it is the key administration's to know. */
function algorithm(value: unknown): Verdict {
  if (value === 'RS256') return AS_THERE
  if (value === 'ES256' || value === 'EdDSA') {
    return { outcome: 'taken', message: value, changes: { accessTokenAlg: value } }
  }
  return differs('tokens are signed with RS256: resource servers say ALGORITHM RS256 and JWK_URL')
}

function audience(value: unknown): Verdict {
  if (value === null) return settled('tokens are for the issuer then')
  const audiences = [value].flat()
  if (!audiences.every((one) => typeof one === 'string'))
    return refused('it is neither a text nor a list of texts')
  return { outcome: 'taken', message: audiences.join(', '), changes: { audiences } }
}

function claim(name: string): Judge {
  return (value) =>
    value === name || value === null ? AS_THERE : differs(`the claim is ${name}, in resource servers as well`)
}

/** A Python path: what comes with the package is as it is here, and nothing else can be run. */
function ofPackage(message: string): Judge {
  return (value) => (String(value).startsWith(DEFAULTS) ? AS_THERE : differs(message))
}

function settled(message: string): Verdict {
  return { outcome: 'settled', message }
}

function differs(message: string): Verdict {
  return { outcome: 'differs', message }
}

function refused(message: string): Verdict {
  return { outcome: 'refused', message }
}
