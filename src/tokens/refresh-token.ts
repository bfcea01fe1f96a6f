import { createHmac, timingSafeEqual } from 'node:crypto'

/*
 * The wire form of a refresh token, 92 characters:
 *
 *   rt1. base64url( key version [2] ‖ family id [16] ‖ generation [4] ‖ mac [32] ‖ tag [12] )
 *
 * 66 bytes are exactly 88 characters of base64url, so there is one spelling of each token. `mac` binds the token to
 * its family's salt and client; `tag` is checked first and needs no store, so garbage costs nothing. The token of a
 * generation is derived, never stored: a retry gets the identical string, and neither store holds anything that could
 * be presented.
 */
const PREFIX = 'rt1.'
const FAMILY_ID_BYTES = 16
const MAC_BYTES = 32
const TAG_BYTES = 12
const GENERATION_AT = 2 + FAMILY_ID_BYTES
const MAC_AT = GENERATION_AT + 4
const TAG_AT = MAC_AT + MAC_BYTES
const FIRST_BLOCK = Buffer.from([1])
const TOKEN = /^rt1\.[A-Za-z0-9_-]{88}$/

/** What a presented token says. Its tag holds, so a key of ours made it; its mac is still to be compared. */
export interface RefreshToken {
  readonly keyVersion: number
  readonly familyId: Buffer
  readonly generation: number
  readonly mac: Buffer
}

/** What a token is derived from besides its generation: facts of the family's row. */
export interface RefreshTokenFamily {
  readonly id: Buffer
  readonly salt: Buffer
  readonly clientId: string
}

/** The versions of the refresh key that exist. */
export interface RefreshKeys {
  /** The 32 bytes of a version, or undefined where it does not exist. */
  version(version: number): Buffer | undefined
}

/** Reads and prints refresh tokens. */
export interface RefreshTokens {
  /** The token, or undefined when the form, the key version or the tag is wrong. Asks no store. */
  parse(text: string): RefreshToken | undefined
  /** Whether the token is one of this family's: compares the mac in constant time. */
  isGenuine(token: RefreshToken, family: RefreshTokenFamily): boolean
  /** The token of a generation: the same string whenever and wherever it is asked for. */
  print(family: RefreshTokenFamily, generation: number, keyVersion: number): string
}

/** @param keys the refresh key's versions; read at each call, so that a new version is seen */
export function refreshTokens(keys: RefreshKeys): RefreshTokens {
  const tagKeys = new Map<number, { of: Buffer; tagKey: Buffer }>()
  const macKeys = new WeakMap<Buffer, { of: Buffer; macKey: Buffer }>()

  function tagKey(version: number): Buffer | undefined {
    const key = keys.version(version)
    const known = tagKeys.get(version)
    if (key === undefined || known?.of === key) return known?.of === key ? known?.tagKey : undefined
    const derived = derive(key, Buffer.alloc(0), 'keyturn rt1 tag')
    tagKeys.set(version, { of: key, tagKey: derived })
    return derived
  }

  function macOf(family: RefreshTokenFamily, head: Buffer, version: number): Buffer | undefined {
    const key = keys.version(version)
    if (key === undefined) return undefined
    return createHmac('sha256', macKey(family.salt, key))
      .update(PREFIX)
      .update(head)
      .update(family.clientId, 'utf8')
      .digest()
  }

  /** One request checks a token and prints its successor: the key of both is derived once. */
  function macKey(salt: Buffer, key: Buffer): Buffer {
    const known = macKeys.get(salt)
    if (known?.of === key) return known.macKey
    const derived = derive(key, salt, 'keyturn rt1 mac')
    macKeys.set(salt, { of: key, macKey: derived })
    return derived
  }

  return {
    parse(text) {
      if (!TOKEN.test(text)) return undefined
      const bytes = Buffer.from(text.slice(PREFIX.length), 'base64url')
      const keyVersion = bytes.readUInt16BE(0)
      const key = tagKey(keyVersion)
      if (key === undefined) return undefined
      if (!timingSafeEqual(tagOf(key, bytes.subarray(0, TAG_AT)), bytes.subarray(TAG_AT))) return undefined
      return {
        keyVersion,
        familyId: bytes.subarray(2, GENERATION_AT),
        generation: bytes.readUInt32BE(GENERATION_AT),
        mac: bytes.subarray(MAC_AT, TAG_AT),
      }
    },

    isGenuine(token, family) {
      const expected = macOf(family, headOf(family.id, token.generation, token.keyVersion), token.keyVersion)
      return (
        expected !== undefined && token.familyId.equals(family.id) && timingSafeEqual(expected, token.mac)
      )
    },

    print(family, generation, keyVersion) {
      const head = headOf(family.id, generation, keyVersion)
      const mac = macOf(family, head, keyVersion)
      const key = tagKey(keyVersion)
      if (mac === undefined || key === undefined)
        throw new Error(`refresh key version ${keyVersion} is missing`)
      const body = Buffer.concat([head, mac])
      return PREFIX + Buffer.concat([body, tagOf(key, body)]).toString('base64url')
    },
  }
}

function headOf(familyId: Buffer, generation: number, keyVersion: number): Buffer {
  const head = Buffer.alloc(MAC_AT)
  head.writeUInt16BE(keyVersion, 0)
  familyId.copy(head, 2)
  head.writeUInt32BE(generation, GENERATION_AT)
  return head
}

function tagOf(tagKey: Buffer, bytes: Buffer): Buffer {
  return createHmac('sha256', tagKey).update(PREFIX).update(bytes).digest().subarray(0, TAG_BYTES)
}

/**
 * HKDF-SHA-256 (RFC 5869) of 32 bytes: separate keys for separate uses, all from one refresh key. One block of output is
 * two HMACs (§2.2, §2.3); asked for as such they take half of what `hkdfSync` does, which each refresh would pay.
 */
function derive(key: Buffer, salt: Buffer, use: string): Buffer {
  const extracted = createHmac('sha256', salt).update(key).digest()
  return createHmac('sha256', extracted).update(use).update(FIRST_BLOCK).digest()
}
