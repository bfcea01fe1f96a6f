import {
  constants,
  createHmac,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign as signWith,
  webcrypto,
} from 'node:crypto'
import type { JWK } from 'jose'

type Json = Readonly<Record<string, unknown>>
/** Makes the signature over what is to be signed (RFC 7515 §5.1). */
type Sign = (input: Buffer) => Buffer | Promise<Buffer>

/** What a forger has, and what only the controls have. */
export interface Genuine {
  /** An access token that a resource server accepts, and its parts. */
  readonly token: string
  readonly header: Json
  readonly claims: Json
  /** The published key that belongs to it. */
  readonly publicJwk: JWK
  /** The same token with changes, signed with the real key, as no forger can. A claim of `undefined` is left out. */
  signed(changes: { header?: Json; claims?: Json }): Promise<string>
}

export interface Forgery {
  readonly name: string
  forge(from: Genuine): string | Promise<string>
}

/** Joins the parts of a compact JWS, whatever they are. */
export async function encodeToken(header: Json, claims: Json, sign: Sign): Promise<string> {
  const input = [header, claims].map((part) => base64url(JSON.stringify(part))).join('.')
  return `${input}.${(await sign(Buffer.from(input))).toString('base64url')}`
}

/** Takes a compact JWS apart without believing it. */
export function readToken(token: string): { header: Json; claims: Json; signature: string } {
  const [header = '', claims = '', signature = ''] = token.split('.')
  const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Json
  return { header: read(header), claims: read(claims), signature }
}

/** Signs with a key of ours, in the form that JWS wants (RFC 7518 §3.4: raw). */
export function signatureOf(key: webcrypto.CryptoKey): Sign {
  const { name } = key.algorithm
  const algorithm = name === 'ECDSA' ? { name, hash: 'SHA-256' } : name
  return async (input) => Buffer.from(await webcrypto.subtle.sign(algorithm, key, input))
}

const foreign = generateKeyPairSync('rsa', { modulusLength: 2048 })
const foreignEc = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const rs256 = (input: Buffer) => signWith('sha256', input, foreign.privateKey)
const nothing = () => Buffer.alloc(0)

const keyOf = (jwk: JWK): KeyObject => createPublicKey({ key: { ...jwk }, format: 'jwk' })
const spkiPem = (jwk: JWK) => keyOf(jwk).export({ type: 'spki', format: 'pem' }).toString()

/** The public key in every form that someone may have configured as a key. */
const SECRETS: Readonly<Record<string, (jwk: JWK) => string | Buffer>> = {
  'SPKI PEM': spkiPem,
  'SPKI PEM without its last line end': (jwk) => spkiPem(jwk).trimEnd(),
  'PKCS#1 PEM': (jwk) => keyOf(jwk).export({ type: 'pkcs1', format: 'pem' }).toString(),
  'SPKI DER': (jwk) => keyOf(jwk).export({ type: 'spki', format: 'der' }),
  'JWK text': (jwk) => JSON.stringify(jwk),
  modulus: (jwk) => jwk.n ?? '',
  nothing: () => '',
}

/** S-141 to S-150: tokens that nobody issued. Each says it is for alice, at the right place, at the right time. */
export const FORGERIES: readonly Forgery[] = [
  ...['none', 'None', 'nOnE', 'NONE', ''].map((alg) => ({
    name: `S-141 alg ${alg || '(empty)'} without a signature`,
    forge: ({ header, claims }: Genuine) => encodeToken({ ...header, alg }, claims, nothing),
  })),
  ...Object.entries(SECRETS).map(([form, secret]) =>
    changed(`S-141 HS256 with the public key as secret (${form})`, { alg: 'HS256' }, ({ publicJwk }) =>
      hmac('sha256', secret(publicJwk)),
    ),
  ),
  changed('S-141 HS512 with the public key as secret', { alg: 'HS512' }, ({ publicJwk }) =>
    hmac('sha512', spkiPem(publicJwk)),
  ),
  changed('S-141 an HMAC where the header says RS256', {}, ({ publicJwk }) =>
    hmac('sha256', spkiPem(publicJwk)),
  ),
  changed(
    'S-141 ES256 with a foreign key',
    { alg: 'ES256' },
    () => (input) => signWith('sha256', input, { key: foreignEc.privateKey, dsaEncoding: 'ieee-p1363' }),
  ),
  changed(
    'S-141 PS256 with a foreign key',
    { alg: 'PS256' },
    () => (input) =>
      signWith('sha256', input, {
        key: foreign.privateKey,
        padding: constants.RSA_PKCS1_PSS_PADDING,
        saltLength: 32,
      }),
  ),
  changed('S-142 a foreign key in the header', { jwk: foreign.publicKey.export({ format: 'jwk' }) }),
  changed('S-142 a key set of the forger in the header', { jku: 'http://127.0.0.1:9/jwks.json' }),
  changed('S-143 a foreign key under a known kid', {}),
  changed('S-143 no kid', { kid: undefined }),
  ...['unknown', '../../dev/null', "' OR 1=1 --", '__proto__', 7, ['a']].map((kid) =>
    changed(`S-143 kid ${JSON.stringify(kid)}`, { kid }),
  ),
  {
    name: 'S-145 the JSON serialization',
    forge: ({ token }) => {
      const [header, payload, signature] = token.split('.')
      return base64url(JSON.stringify({ protected: header, payload, signature }))
    },
  },
  { name: 'S-150 no signature', forge: ({ token }) => token.slice(0, token.lastIndexOf('.') + 1) },
  { name: 'S-150 two parts', forge: ({ token }) => token.slice(0, token.lastIndexOf('.')) },
  { name: 'S-150 a signature cut short', forge: ({ token }) => token.slice(0, -8) },
  {
    name: 'S-150 the signature of another token',
    forge: ({ header, claims, token }) =>
      encodeToken(header, { ...claims, username: 'mallory' }, () =>
        Buffer.from(readToken(token).signature, 'base64url'),
      ),
  },
]

/** A forgery that changes the header and signs, with the foreign RSA key unless told otherwise. */
function changed(name: string, changes: Json, sign: (from: Genuine) => Sign = () => rs256): Forgery {
  return {
    name,
    forge: (from) => encodeToken({ ...from.header, ...changes }, from.claims, sign(from)),
  }
}

function hmac(digest: 'sha256' | 'sha512', secret: string | Buffer): Sign {
  return (input) => createHmac(digest, secret).update(input).digest()
}

function base64url(text: string): string {
  return Buffer.from(text).toString('base64url')
}
