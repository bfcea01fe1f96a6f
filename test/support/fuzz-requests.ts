import fc from 'fast-check'
import { FORM, request } from './raw-http.ts'

/** A request that is right, to begin with. */
export interface Recipe {
  readonly method: string
  readonly target: string
  readonly authorization?: string | undefined
  readonly form?: Readonly<Record<string, string>>
}

/** A request as bytes (latin1), and its method, which says whether the answer has a body. */
export interface FuzzedRequest {
  readonly method: string
  readonly bytes: string
}

/** A request on its way to being wrong. `body` stands for the fields once something has replaced them. */
interface Draft {
  readonly method: string
  readonly target: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly fields: readonly string[]
  readonly body?: string
  readonly isChunked?: boolean
}
type Change = (draft: Draft) => Draft

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH', 'PROPFIND', 'QUERY']
const PARAMETERS = [
  ...[
    'grant_type',
    'client_id',
    'client_secret',
    'client_assertion',
    'refresh_token',
    'token',
    'token_type_hint',
  ],
  ...[
    'scope',
    'resource',
    'audience',
    'username',
    'password',
    'request',
    'code',
    '__proto__',
    'constructor',
    '',
    'x',
  ],
]
const HEADERS = [
  ...[
    'Authorization',
    'Content-Type',
    'Content-Encoding',
    'Accept',
    'Cookie',
    'Origin',
    'If-None-Match',
    'Host',
  ],
  ...['X-Forwarded-For', 'User-Agent', 'Expect', 'Connection', 'Upgrade', 'Range', 'X-Request-Id', 'X'],
]
/** Values that have broken servers. */
const HOSTILE = [
  ...[
    '',
    ' ',
    '\0',
    '\r\nX: y',
    '\ufeff',
    '\u202e',
    'İıſß\u1e9e',
    '\ufdfa'.repeat(80),
    '👩‍👩‍👧',
    "'; drop table users; --",
  ],
  ...[
    '$1',
    '%s%n%x',
    '{{7*7}}',
    '<script>',
    '__proto__',
    'constructor',
    'hasOwnProperty',
    'null',
    'undefined',
    'NaN',
  ],
  ...[
    '-1',
    '1e400',
    '99999999999999999999',
    '{"a":1}',
    '[]',
    '*',
    '../../etc/passwd',
    'http://[::1',
    'https://a#',
  ],
  ...[
    'eyJhbGciOiJub25lIn0.e30.',
    'eyJhbGciOiJSUzI1NiIsImtpZCI6e319.e30.AAAA',
    'e30.e30.e30',
    '.'.repeat(1000),
  ],
  ...[
    'rt1.',
    `rt1.${'A'.repeat(88)}`,
    'a'.repeat(3000),
    ' '.repeat(300),
    'Basic',
    'Basic Og==',
    'Bearer x',
    'gzip',
  ],
]

/**
 * Makes `count` requests, the same ones for the same seed: each is a right one with one to four things made wrong, so
 * that most get past the first checks. The framing stays right (it has tests of its own).
 * @param known ids, names and tokens that exist on the server
 */
export function fuzzedRequests(
  recipes: readonly Recipe[],
  known: readonly string[],
  seed: number,
  count: number,
): FuzzedRequest[] {
  const drafts = fc
    .tuple(fc.constantFrom(...recipes), fc.array(changes(known), { minLength: 1, maxLength: 4 }))
    .map(([recipe, changes]) => changes.reduce((draft, change) => change(draft), draftOf(recipe)))
  return fc.sample(drafts, { seed, numRuns: count }).map(print)
}

function draftOf({ method, target, authorization, form }: Recipe): Draft {
  return {
    method,
    target,
    headers: [...(form ? [FORM] : []), ...(authorization ? [['Authorization', authorization] as const] : [])],
    fields: Object.entries(form ?? {}).map((pair) => pair.map(encodeURIComponent).join('=')),
  }
}

/** One thing that is made wrong, or only unusual. */
function changes(known: readonly string[]): fc.Arbitrary<Change> {
  const value = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...known) },
    { weight: 4, arbitrary: fc.constantFrom(...HOSTILE) },
    { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
    {
      weight: 2,
      arbitrary: fc.tuple(fc.constantFrom(...known), fc.nat(200), fc.string({ maxLength: 2 })).map(spliced),
    },
  )
  const field = fc
    .tuple(fc.constantFrom(...PARAMETERS), value, encoding())
    .map(([name, given, encode]) => `${encode(name)}=${encode(given)}`)
  const header = fc.tuple(fc.constantFrom(...HEADERS), value.map(singleLine))
  const piece = fc.constantFrom('/', '%2f', ';', '%00', '..', '//', 'A', '#', '\\', '?', '\xe9', '*')

  return fc.oneof(
    change(8, field, (draft, added) => ({ ...draft, fields: [...draft.fields, added] })),
    change(8, fc.tuple(fc.nat(5), value, encoding()), (draft, [at, given, encode]) => ({
      ...draft,
      fields: draft.fields.map((old, index) =>
        index === at ? `${old.split('=')[0]}=${encode(given)}` : old,
      ),
    })),
    change(3, fc.nat(5), (draft, at) => ({
      ...draft,
      fields: draft.fields.filter((_, index) => index !== at),
    })),
    change(3, header, (draft, added) => ({ ...draft, headers: [...draft.headers, added] })),
    change(3, header, (draft, [name, given]) => ({
      ...draft,
      headers: [...draft.headers.filter(([old]) => old !== name), [name, given] as const],
    })),
    change(2, fc.nat(3), (draft, at) => ({
      ...draft,
      headers: draft.headers.filter((_, index) => index !== at),
    })),
    change(2, fc.constant(true), (draft, isChunked) => ({ ...draft, isChunked })),
    change(1, fc.constantFrom(...METHODS), (draft, method) => ({ ...draft, method })),
    change(1, fc.tuple(fc.nat(40), piece), (draft, [at, inserted]) => ({
      ...draft,
      target: spliced([draft.target, at, inserted]),
    })),
    change(1, field, (draft, query) => ({ ...draft, target: `${draft.target}?${singleLine(query)}` })),
    change(
      1,
      fc.constantFrom('*', '/', 'http://[::1/', '//', 'x', `/${'a'.repeat(9000)}`),
      (draft, target) => ({
        ...draft,
        target,
      }),
    ),
    change(1, fc.oneof(fc.json(), fc.string({ unit: 'binary' }).map(singleLine)), (draft, body) => ({
      ...draft,
      body,
    })),
  )
}

/** A change of a certain likelihood, by something arbitrary. */
function change<T>(weight: number, arbitrary: fc.Arbitrary<T>, apply: (draft: Draft, by: T) => Draft) {
  return {
    weight,
    arbitrary: arbitrary.map(
      (by): Change =>
        (draft) =>
          apply(draft, by),
    ),
  }
}

/** Ways to write a value into a form: the right one most of the time. */
function encoding(): fc.Arbitrary<(text: string) => string> {
  const right = (text: string) => encodeURIComponent(Buffer.from(text, 'utf8').toString('utf8'))
  const others: ((text: string) => string)[] = [
    (text) => right(text).replaceAll('%20', '+'),
    (text) => Buffer.from(text, 'utf8').toString('hex').replaceAll(/../g, '%$&'),
    (text) => Buffer.from(text, 'latin1').toString('hex').replaceAll(/../g, '%$&'),
    (text) => Buffer.from(text, 'utf8').toString('latin1'),
    (text) => `${right(text)}%`,
    (text) => `${right(text)}%C0%80%ED%A0%80`,
  ]
  return fc.oneof(
    { weight: 5, arbitrary: fc.constant(right) },
    { weight: 1, arbitrary: fc.constantFrom(...others) },
  )
}

function print({ method, target, headers, fields, body, isChunked }: Draft): FuzzedRequest {
  const content = body ?? (fields.length > 0 ? fields.join('&') : undefined)
  const bytes = content === undefined ? undefined : Buffer.from(content, 'utf8').toString('latin1')
  const line = `${method} ${target}`
  if (bytes === undefined || !isChunked) return { method, bytes: request(line, headers, bytes) }
  return { method, bytes: request(line, [...headers, ['Transfer-Encoding', 'chunked']], chunks(bytes)) }
}

function chunks(bytes: string): string {
  const parts = bytes.match(/[\s\S]{1,50}/g) ?? []
  return `${parts.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join('')}0\r\n\r\n`
}

/** As the bytes of one line, for a header or a target. */
function singleLine(text: string): string {
  return Buffer.from(text, 'utf8')
    .toString('latin1')
    .replaceAll(/[\r\n]/g, ' ')
}

function spliced([text, at, piece]: [string, number, string]): string {
  const place = at % (text.length + 1)
  return text.slice(0, place) + piece + text.slice(place + 1)
}
