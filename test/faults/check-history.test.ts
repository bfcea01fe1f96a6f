import { expect } from 'chai'
import type { LatePolicy } from '../../src/clients/client.ts'
import { checkHistory, type Verdict, type ViolationKind } from './check-history.ts'
import type { Answer, Operation } from './history.ts'

const WINDOW_MS = 1000
const FAMILY = Buffer.alloc(16, 7)

/** The token of a generation, as far as the checker reads it; `other` makes a different one of the same generation. */
function token(generation: number, other = 0): string {
  const bytes = Buffer.alloc(66, other)
  FAMILY.copy(bytes, 2)
  bytes.writeUInt32BE(generation, 18)
  return `rt1.${bytes.toString('base64url')}`
}

type About = Partial<Operation>

/** One request that takes 10 ms. */
function operation(at: number, answer: Answer, about: About = {}): Operation {
  const defaults = { kind: 'refresh', actor: 'client', latePolicy: 'supersede', node: 'node 1' } as const
  return { ...defaults, invokedAt: at, completedAt: at + 10, answer, ...about }
}

/** `generation` was presented and `successor` was given. */
function given(at: number, generation: number, successor = token(generation + 1), about: About = {}) {
  return operation(at, { status: 200, successor }, { token: token(generation), ...about })
}

function refused(at: number, generation: number, about: About = {}): Operation {
  return operation(at, { status: 400, error: 'invalid_grant' }, { token: token(generation), ...about })
}

function unanswered(at: number, generation: number, about: About = {}): Operation {
  return operation(at, { lost: 'TimeoutError' }, { token: token(generation), ...about })
}

function revoked(at: number, status = 200): Operation {
  return operation(at, { status, hasRetryAfter: true }, { kind: 'revoke', actor: 'revoker', token: token(1) })
}

function check(operations: readonly Operation[], doubleFaults: readonly string[] = []): Verdict {
  return checkHistory(operations, { retryWindowMs: WINDOW_MS, doubleFaults: new Set(doubleFaults) })
}

function kinds(operations: readonly Operation[]): ViolationKind[] {
  return check(operations).violations.map(({ kind }) => kind)
}

const BROWSER = { latePolicy: 'revoke' as LatePolicy }
const THIEF = { actor: 'thief' } as const
const VICTIM = { actor: 'victim' } as const

const GOOD: Readonly<Record<string, readonly Operation[]>> = {
  'one refresh after another': [given(0, 1), given(500, 2), given(1000, 3)],
  'a retry that gets the same successor': [given(0, 1), given(900, 1), given(1500, 2)],
  'many at the same moment with the same successor': [given(0, 1), given(1, 1), given(2, 1), given(3, 1)],
  'a retry after a lost answer': [unanswered(0, 1), unanswered(300, 1), given(600, 1), given(2000, 2)],
  'a token that waits for days and is then used': [given(0, 1), given(1e8, 2)],
  'the first attempt comes late, because nothing arrived before': [unanswered(0, 1), given(5000, 1)],
  'a late retry that the policy grants': [given(0, 1), given(1200, 1, token(3)), given(1500, 3)],
  'the retry of a late retry': [given(0, 1), given(1200, 1, token(3)), given(1900, 1, token(3))],
  'a thief who is refused, and the end of the session for both': [
    given(0, 1, token(2), VICTIM),
    given(100, 2, token(3), VICTIM),
    refused(200, 1, THIEF),
    refused(300, 3, VICTIM),
  ],
  '503 with Retry-After, then the answer': [
    operation(0, { status: 503, hasRetryAfter: true }, { token: token(1) }),
    given(100, 1),
  ],
  'a refresh that was sent before the revocation was acknowledged': [
    revoked(100),
    given(105, 1, token(2), { completedAt: 400 }),
    refused(500, 2, VICTIM),
  ],
  'a revocation that failed': [revoked(0, 503), given(100, 1)],
  'an introspection that says no after the revocation': [
    revoked(0),
    operation(50, { status: 200, isActive: false }, { kind: 'introspect', token: token(1) }),
  ],
}

const BAD: readonly (readonly [ViolationKind, string, readonly Operation[]])[] = [
  ['fork', 'two successors at the same moment', [given(0, 1), given(1, 1, token(2, 9))]],
  ['fork', 'a retry that gets another successor', [given(0, 1), given(500, 1, token(2, 9))]],
  ['fork', 'a retry within the window that gets the next generation', [given(0, 1), given(500, 1, token(3))]],
  ['fork', 'a second late retry', [given(0, 1), given(1200, 1, token(3)), given(2500, 1, token(3, 9))]],
  ['fork', 'a late retry of a browser', [given(0, 1, token(2), BROWSER), given(1200, 1, token(3), BROWSER)]],
  ['lost', 'a live token is refused', [given(0, 1), refused(500, 2)]],
  ['lost', 'a retry within the window is refused', [unanswered(0, 1), refused(500, 1)]],
  [
    'lost',
    'a browser’s retry within the window is refused',
    [unanswered(0, 1, BROWSER), refused(500, 1, BROWSER)],
  ],
  ['lost', 'a late retry that the policy grants is refused', [unanswered(0, 1), refused(1500, 1)]],
  ['lost', 'the first attempt is refused', [refused(0, 1, BROWSER)]],
  ['revived', 'a spent token, long after the window, gets its old successor', [given(0, 1), given(5000, 1)]],
  [
    'revived',
    'a thief with a browser’s token after the window',
    [given(0, 1, token(2), BROWSER), given(1200, 1, token(2), { ...BROWSER, ...THIEF })],
  ],
  ['revived', 'a spent token whose successor has been used', [given(0, 1), given(100, 2), given(200, 1)]],
  [
    'revived',
    'an older generation',
    [given(0, 1), given(100, 2), given(200, 3), given(5000, 1, token(2), THIEF)],
  ],
  ['backwards', 'a later answer has an earlier generation', [given(0, 1), given(100, 2), given(200, 1)]],
  ['undone', 'a token after an acknowledged revocation', [revoked(0), given(50, 1)]],
  [
    'undone',
    'active after an acknowledged revocation',
    [revoked(0), operation(50, { status: 200, isActive: true }, { kind: 'introspect', token: token(1) })],
  ],
  [
    'undone',
    'a token after a genuine one was refused',
    [given(0, 1), refused(100, 1, THIEF), given(200, 2, token(3), VICTIM)],
  ],
  ['wrong', 'a server error', [operation(0, { status: 500, error: 'server_error' })]],
  ['wrong', '400 that is no invalid_grant', [operation(0, { status: 400, error: 'invalid_request' })]],
  ['wrong', '401 for a client that is known', [operation(0, { status: 401, error: 'invalid_client' })]],
  [
    'wrong',
    'a login that is refused',
    [operation(0, { status: 400, error: 'invalid_grant' }, { kind: 'login' })],
  ],
  ['wrong', '503 without Retry-After', [operation(0, { status: 503, hasRetryAfter: false })]],
  ['wrong', 'a key set with 503', [operation(0, { status: 503, hasRetryAfter: true }, { kind: 'jwks' })]],
  ['wrong', '200 without a token', [operation(0, { status: 200 }, { token: token(1) })]],
]

describe('the history checker', () => {
  describe('finds nothing in a good history:', () => {
    for (const [name, operations] of Object.entries(GOOD)) {
      it(name, () => expect(check(operations).violations).to.deep.equal([]))
    }
  })

  describe('finds what must not happen:', () => {
    for (const [kind, name, operations] of BAD) {
      it(`${kind}: ${name}`, () => expect(kinds(operations)).to.include(kind))
    }
  })

  it('does not call it lost when a browser comes back after its window, and counts it', () => {
    const verdict = check([unanswered(0, 1, BROWSER), refused(1500, 1, BROWSER)])
    expect(verdict.violations).to.deep.equal([])
    expect(verdict.endedLate).to.equal(1)
  })

  it('counts late retries', () => {
    expect(check([given(0, 1), given(1200, 1, token(3))]).lateRetries).to.equal(1)
  })

  it('after the double fault, takes one answer for a spent token, and not a second one', () => {
    const family = [FAMILY.toString('base64url')]
    const once = [given(0, 1), given(5000, 1)]
    expect(check(once, family).violations).to.deep.equal([])
    expect(check([...once, given(9000, 1)], family).violations).to.have.length(1)
  })

  it('judges each session by itself', () => {
    const other = token(1, 3).replace(/.{20}/, `rt1.${Buffer.alloc(12, 5).toString('base64url')}`)
    const operations = [revoked(0), operation(50, { status: 200, successor: other }, { token: other })]
    expect(kinds(operations)).not.to.include('undone')
  })
})
