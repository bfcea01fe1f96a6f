import { KeyObject, sign } from 'node:crypto'
import { algorithmRow } from './algorithms.ts'
import type { KeyInUse } from './keyring.ts'

/** What of a signature is the same for every token of a key. */
interface Prepared {
  readonly key: KeyObject
  readonly typ: string
  /** The encoded header and the dot behind it. */
  readonly head: string
}

const prepared = new WeakMap<KeyInUse['key'], Prepared>()

/**
 * Signs a payload as a compact JWS (RFC 7515 §7.1) with `alg`, `kid` and `typ` in its header.
 *
 * By `crypto.sign` and not by jose, which copies and checks the claims once more and goes through Web Crypto: half the time
 * that a token costs on the main thread (`npm run measure:signatures`, docs/adr/0025-hot-path.md). The signature itself is
 * made on another thread either way. Known answers pin the form, and jose reads it in the tests.
 * @param payload a JSON object; its members keep their order
 */
export function signJws({ kid, algorithm, key }: KeyInUse, typ: string, payload: object): Promise<string> {
  const row = algorithmRow(algorithm)
  let known = prepared.get(key)
  if (known?.typ !== typ) {
    const head = `${encode({ alg: algorithm, kid, typ })}.`
    known = { key: KeyObject.from(key), typ, head }
    prepared.set(key, known)
  }
  const input = known.head + encode(payload)
  return new Promise((resolve, reject) => {
    sign(
      row.digest,
      Buffer.from(input, 'latin1'),
      { key: (known as Prepared).key, ...row.signature },
      (error, signature) => {
        if (error) reject(error)
        else resolve(`${input}.${signature.toString('base64url')}`)
      },
    )
  })
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
