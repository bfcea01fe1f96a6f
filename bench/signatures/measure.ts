import { randomBytes, webcrypto } from 'node:crypto'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { compactVerify } from 'jose'
import { addSeconds, systemClock } from '../../src/clock.ts'
import { SIGNING_ALGORITHM_NAMES, type SigningAlgorithm } from '../../src/keys/algorithms.ts'
import { generateSigningKey, importPublicKey, openSigningKey } from '../../src/keys/key-material.ts'
import type { KeyInUse } from '../../src/keys/keyring.ts'
import { sealingKey } from '../../src/keys/sealing-key.ts'
import { type AccessTokenContent, accessTokens } from '../../src/tokens/access-token.ts'
import { toText } from '../simulation/report.ts'

/*
 * npm run measure:signatures -- [--rounds NUMBER] [--tokens NUMBER]
 *
 * What an access token costs in each algorithm: CPU of the whole process, all threads, beside the bare signature over the
 * same bytes and its verification. The algorithms take turns in short rounds, so that a machine that is busy for a while is
 * busy for all of them; the median round counts. Read the ratios, not the microseconds.
 */

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '21' }, tokens: { type: 'string', default: '500' } },
})
const rounds = Number(values.rounds)
const tokens = Number(values.tokens)
if (!(Number.isSafeInteger(rounds) && rounds > 0 && Number.isSafeInteger(tokens) && tokens > 0)) {
  process.stderr.write('--rounds and --tokens take 1 or more\n')
  process.exit(2)
}
/** Signed at the same time, as by a busy node: with one at a time, waiting for the thread pool would count. */
const AT_ONCE = 20

/** What Web Crypto wants to be told at each signature. */
const PARAMETERS: Readonly<Record<SigningAlgorithm, webcrypto.AlgorithmIdentifier | webcrypto.EcdsaParams>> =
  {
    RS256: 'RSASSA-PKCS1-v1_5',
    ES256: { name: 'ECDSA', hash: 'SHA-256' },
    EdDSA: 'Ed25519',
  }

interface Cost {
  readonly token: number[]
  readonly bare: number[]
  readonly verified: number[]
  readonly bytes: number
}

const pairs = await Promise.all(SIGNING_ALGORITHM_NAMES.map(makePair))
const mint = accessTokens({
  issuer: 'https://id.example.com',
  keyring: {
    signer: (algorithm) => pairOf(algorithm).signing,
    verificationKey: (kid) => pairs.find(({ verifying }) => verifying.kid === kid)?.verifying,
    minimumIssuedAt: () => undefined,
  },
  clock: systemClock,
})

const costs = new Map<SigningAlgorithm, Cost>()
for (const algorithm of SIGNING_ALGORITHM_NAMES) {
  costs.set(algorithm, {
    token: [],
    bare: [],
    verified: [],
    bytes: (await mint.sign(content(), algorithm)).length,
  })
}
for (let round = -1; round < rounds; round++) {
  for (const [algorithm, cost] of costs) await measure(algorithm, round < 0 ? undefined : cost)
}

const reference = summary('RS256')
process.stdout.write(
  `${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.version}; ${rounds} rounds of ${tokens} tokens, median\n\n`,
)
process.stdout.write(
  toText([
    ['algorithm', 'µs CPU/token', 'of RS256', 'token/bare', 'µs CPU/verification', 'of RS256', 'bytes/token'],
    ...SIGNING_ALGORITHM_NAMES.map((algorithm) => {
      const { token, bare, verified, bytes } = summary(algorithm)
      return [
        algorithm,
        token.toFixed(0),
        (token / reference.token).toFixed(2),
        (token / bare).toFixed(2),
        verified.toFixed(0),
        (verified / reference.verified).toFixed(2),
        String(bytes),
      ]
    }),
  ]),
)

/** One round of one algorithm: as many tokens, bare signatures over one token's bytes, and verifications of one token. */
async function measure(algorithm: SigningAlgorithm, cost: Cost | undefined): Promise<void> {
  const token = await mint.sign(content(), algorithm)
  const input = Buffer.from(token.slice(0, token.lastIndexOf('.')))
  const { signing, verifying } = pairOf(algorithm)
  const signed = await cpuOf(() => mint.sign(content(), algorithm))
  const bare = await cpuOf(() => webcrypto.subtle.sign(PARAMETERS[algorithm], signing.key, input))
  const verified = await cpuOf(() => compactVerify(token, verifying.key))
  cost?.token.push(signed)
  cost?.bare.push(bare)
  cost?.verified.push(verified)
}

/** Microseconds of CPU for each of `tokens` times the work, of all threads. */
async function cpuOf(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage()
  for (let done = 0; done < tokens; done += AT_ONCE) {
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, tokens - done) }, work))
  }
  const { user, system } = process.cpuUsage(before)
  return (user + system) / tokens
}

async function makePair(algorithm: SigningAlgorithm): Promise<{ signing: KeyInUse; verifying: KeyInUse }> {
  const sealing = sealingKey(randomBytes(32))
  const pair = await generateSigningKey(algorithm, sealing.lines()[0])
  const { kid } = pair
  return {
    signing: { kid, algorithm, key: await openSigningKey(pair, sealing) },
    verifying: { kid, algorithm, key: (await importPublicKey(pair)).publicKey },
  }
}

function pairOf(algorithm: string | undefined) {
  const found = pairs.find(({ signing }) => signing.algorithm === algorithm)
  if (!found) throw new Error(`there is no key for ${algorithm}`)
  return found
}

function content(): AccessTokenContent {
  const now = systemClock.now()
  return {
    subject: '7b0f5f1e-3c44-4b8e-9d49-3f2f1c5f6a55',
    clientId: 'client_0123456789abcdef0123',
    audience: ['https://api.example.com'],
    scope: ['read', 'write'],
    issuedAt: now,
    expiresAt: addSeconds(now, 600),
    username: 'alice',
    authenticatedAt: now,
    sessionId: 's_0123456789abcdefghijkl',
    familyId: '0123456789abcdefghijkl',
  }
}

function summary(algorithm: SigningAlgorithm) {
  const cost = costs.get(algorithm)
  if (!cost) throw new Error('every algorithm is measured')
  const { token, bare, verified, bytes } = cost
  return { token: median(token), bare: median(bare), verified: median(verified), bytes }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}
