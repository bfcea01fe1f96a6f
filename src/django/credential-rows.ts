import { kindOfImportedHash } from '../api-keys/api-key.ts'
import { isPossibleAuthtoken } from '../authtokens/authtoken.ts'
import { digestSecret } from '../crypto/secret.ts'
import type { DjangoRecord } from './record.ts'
import { momentOf } from './user-row.ts'

/** Not for names: controls, and halves of characters. */
const UNSEEN = /\p{C}/gu

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
  const createdAt = momentOf(fields['created'])
  if (createdAt === undefined) return { problem: 'it has no time of creation' }
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
  const createdAt = momentOf(fields['created'])
  if (createdAt === undefined) return { problem: 'it has no time of creation' }
  const { expiry_date: expiry, revoked = false } = fields
  const expiresAt = expiry === undefined || expiry === null ? null : momentOf(expiry)
  if (expiresAt === undefined) return { problem: 'its expiry is no time' }
  if (typeof revoked !== 'boolean') return { problem: 'whether it is revoked is neither true nor false' }
  return {
    prefix,
    importedHash,
    name:
      String(fields['name'] ?? '')
        .replace(UNSEEN, '')
        .slice(0, 100) || prefix,
    createdAt,
    expiresAt,
    // When it was revoked is nowhere.
    revokedAt: revoked ? createdAt : null,
  }
}
