import { kindOfImportedHash } from '../api-keys/api-key.ts'
import { isPossibleAuthtoken } from '../authtokens/authtoken.ts'
import { digestSecret } from '../crypto/secret.ts'
import type { DjangoRecord } from './record.ts'
import { moment } from './user-row.ts'

/** An authtoken to be imported: its digest, never the key. */
export interface AuthtokenRow {
  readonly userId: string
  /** Hex. */
  readonly digest: string
  readonly createdAt: string
}

/** An API key to be imported. */
export interface ApiKeyRow {
  readonly prefix: string
  readonly importedHash: string
  readonly name: string
  readonly createdAt: string
  readonly expiresAt: string | null
  readonly revokedAt: string | null
}

/** Why a record of a key cannot be taken. */
export interface Unusable {
  readonly problem: string
}

/** A row of `authtoken_token`: its primary key is the key. */
export function authtokenRow({ pk, fields }: DjangoRecord): AuthtokenRow | Unusable {
  const key = pk ?? fields['key']
  const userId = fields['user'] ?? fields['user_id']
  if (typeof userId !== 'string' && typeof userId !== 'number') {
    return { problem: 'its user is not named by primary key: dump without --natural-foreign' }
  }
  if (typeof key !== 'string' || !isPossibleAuthtoken(key)) return { problem: 'its key has no form of a key' }
  const createdAt = moment(fields['created'])
  if (!isMoment(createdAt)) return { problem: 'it has no time of creation' }
  return { userId: String(userId), digest: digestSecret(key).toString('hex'), createdAt }
}

/** A row of `rest_framework_api_key_apikey`. Up to version 1.3 the primary key was prefix and hash. */
export function apiKeyRow({ pk, fields }: DjangoRecord): ApiKeyRow | Unusable {
  const [, ofPk = '', hashOfPk = ''] = /^([^.]+)\.(.+)$/s.exec(String(pk ?? fields['id'] ?? '')) ?? []
  const prefix = fields['prefix'] || ofPk
  const importedHash = fields['hashed_key'] || hashOfPk
  if (typeof prefix !== 'string' || !/^[A-Za-z0-9]{1,64}$/.test(prefix))
    return { problem: 'it has no prefix' }
  if (typeof importedHash !== 'string' || kindOfImportedHash(importedHash) === undefined) {
    return { problem: 'its hash is neither sha512$$… nor pbkdf2_sha256$…' }
  }
  const createdAt = moment(fields['created'])
  if (!isMoment(createdAt)) return { problem: 'it has no time of creation' }
  const expiresAt = moment(fields['expiry_date'])
  return {
    prefix,
    importedHash,
    name: String(fields['name'] || prefix).slice(0, 100),
    createdAt,
    expiresAt: isMoment(expiresAt) ? expiresAt : null,
    // When it was revoked is nowhere.
    revokedAt: fields['revoked'] === true ? createdAt : null,
  }
}

function isMoment(value: unknown): value is string {
  return typeof value === 'string' && !Number.isNaN(Date.parse(value))
}
