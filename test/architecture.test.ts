import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { findViolations, RULES, type Rule } from './support/architecture.ts'
import { FOLDERS, LEAVES, PACKAGES } from './support/architecture-rules.ts'

const SRC = fileURLToPath(new URL('../src', import.meta.url))

describe('the architecture', () => {
  it('holds in every file of src', () => {
    const paths = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((path) =>
      path.endsWith('.ts'),
    )
    const files = new Map(paths.map((path) => [path, readFileSync(join(SRC, path), 'utf8')]))
    expect(files.size).to.be.greaterThan(50)
    const report = findViolations(files).map(({ path, rule, detail }) => `${path}: ${rule}: ${detail}`)
    expect(report).to.deep.equal([])
  })
})

/** For each rule code that breaks it, as path → content. */
const PLANTED: Record<Rule, Record<string, string>[]> = {
  'folder may import': [
    { 'oauth/a.ts': "import { b } from '../crypto/secret.ts'" },
    { 'keys/a.ts': "import type { Client } from '../clients/client.ts'" },
    { 'http/a.ts': "import { openDatabase } from '../postgres/database.ts'" },
    { 'grants/a.ts': "import '../http/server.ts'" },
    { 'tokens/a.ts': "export { toClient } from '../clients/client.ts'" },
    { 'tokens/a.ts': "export * from '../clients/client.ts'" },
    { 'tokens/a.ts': "const b = await import('../clients/client.ts')" },
    { 'clients/a.ts': "let b: import('../users/user.ts').User" },
    { 'clock.ts': "import { Unavailable } from './oauth/errors.ts'" },
    { 'users/users-redis.ts': "import { openDatabase } from '../postgres/database.ts'" },
    { 'users/a.ts': "import { MIGRATIONS } from '../../migrations/all.ts'" },
    { 'users/a.ts': "import { freePort } from '../../test/support/ports.ts'" },
    { 'resource/a.ts': "import { parseScope } from '../oauth/scope.ts'" },
    { 'http/a.ts': "import { createVerifier } from '../resource/index.ts'" },
  ],
  'folder is unknown': [{ 'billing/a.ts': '' }, { 'extra.ts': '' }],
  'store is imported by composition only': [
    { 'clients/a.ts': "import { clientsPostgres } from './clients-postgres.ts'" },
    { 'tokens/a.ts': "import { refreshFamiliesRedis } from './refresh-families-redis.ts'" },
    { 'http/a.ts': "import type { clientsPostgres } from '../clients/clients-postgres.ts'" },
    { 'users/users-postgres.ts': "import { clientsPostgres } from '../clients/clients-postgres.ts'" },
  ],
  'package has its place': [
    { 'tokens/a.ts': "import leftPad from 'left-pad'" },
    { 'tokens/a.ts': "import type { Redis } from 'ioredis'" },
    { 'grants/a.ts': "import { z } from 'zod/mini'" },
    { 'cli/a.ts': "const Koa = require('koa')" },
    { 'resource/koa.ts': "import type { Context } from 'koa'" },
    { 'resource/a.ts': "import { z } from 'zod'" },
  ],
  'pure folders do no I/O': [
    { 'oauth/a.ts': "import { readFileSync } from 'node:fs'" },
    { 'crypto/a.ts': "import { request } from 'node:http'" },
  ],
  'domain folders do no I/O': [
    { 'tokens/a.ts': "import { request } from 'node:http'" },
    { 'grants/a.ts': "import { connect } from 'node:net'" },
    { 'clients/a.ts': "import { readFileSync } from 'node:fs'" },
    { 'keys/a.ts': "import { open } from 'node:fs/promises'" },
    { 'keys/sealing-key-file.ts': "import { connect } from 'node:net'" },
  ],
  'domain folders keep no timers': [
    { 'tokens/a.ts': 'setInterval(() => {}, 5)' },
    { 'users/a.ts': 'const timer = setTimeout(() => {}, 5)' },
    { 'clients/a.ts': 'globalThis.setImmediate(() => {})' },
  ],
  'environment is read in one file': [
    { 'http/a.ts': 'const host = process.env.HOST' },
    { 'http/a.ts': "const host = globalThis.process['env']" },
    { 'http/a.ts': 'const { env } = process' },
    { 'http/a.ts': 'const { env: all } = globalThis.process' },
    { 'http/a.ts': 'const host = global.process.env.HOST' },
    { 'http/a.ts': "import { env } from 'node:process'" },
    { 'http/a.ts': "import 'node:process'" },
  ],
  'time is read in one file': [
    { 'tokens/a.ts': 'const now = new Date()' },
    { 'tokens/a.ts': 'const now = new Date' },
    { 'tokens/a.ts': 'const now = Date()' },
    { 'tokens/a.ts': 'const now = new globalThis.Date()' },
    { 'tokens/a.ts': 'const now = globalThis.Date()' },
    { 'tokens/a.ts': 'const { now } = Date' },
    { 'tokens/a.ts': 'const { now: time } = globalThis.performance' },
    { 'tokens/a.ts': 'const { hrtime } = process' },
    { 'tokens/a.ts': 'const now = Date.now()' },
    { 'tokens/a.ts': 'const now = [1].map(Date.now)' },
    { 'tokens/a.ts': 'const now = performance.now()' },
    { 'tokens/a.ts': 'const now = process.hrtime.bigint()' },
    { 'tokens/a.ts': "import { setTimeout } from 'node:timers/promises'" },
    { 'resource/a.ts': 'const now = new Date()' },
    { 'tokens/a.ts': 'await new Promise((resolve) => { setTimeout(resolve, 5) })' },
  ],
  'imports are written out': [
    { 'cli/a.ts': 'const command = await import(name)' },
    { 'cli/a.ts': "import { createRequire } from 'node:module'" },
  ],
  'the resource library stands alone': [
    { 'resource/a.ts': "import { createHash } from 'node:crypto'" },
    { 'resource/a.ts': "import type { IncomingMessage } from 'node:http'" },
    { 'resource/a.ts': "import type { Clock } from '../clock.ts'" },
    { 'resource/a.ts': "import { Unavailable } from '../unavailable.ts'" },
  ],
  'folders do not import in a circle': [
    {
      'users/a.ts': "import '../passwords/b.ts'",
      'passwords/b.ts': "import type { A } from '../users/a.ts'",
    },
    {
      'clients/a.ts': "import '../tokens/b.ts'",
      'tokens/b.ts': "import '../grants/c.ts'",
      'grants/c.ts': "import '../clients/a.ts'",
    },
  ],
  'file is short': [{ 'tokens/a.ts': 'const a = 1\n'.repeat(251) }],
  'folder is named for the domain': [{ 'tokens/helpers/a.ts': '' }, { 'services/a.ts': '' }],
}

describe('the architecture test', () => {
  for (const rule of RULES) {
    for (const [number, files] of PLANTED[rule].entries()) {
      it(`reports what breaks "${rule}" (${number + 1})`, () => {
        expect(brokenBy(files)).to.include(rule)
      })
    }
  }

  it('knows for each pair of folders whether one may import the other', () => {
    for (const [from, { imports, types = [] }] of Object.entries(FOLDERS)) {
      for (const to of Object.keys(FOLDERS).filter((name) => name !== from && !LEAVES.includes(name))) {
        expect(importing(from, to, 'import'), `${from} imports ${to}`).to.equal(imports.includes(to))
        const allowed = imports.includes(to) || types.includes(to)
        expect(importing(from, to, 'import type'), `${from} imports types of ${to}`).to.equal(allowed)
      }
    }
  })

  it('knows for each package that a folder without it may not import it', () => {
    for (const name of Object.keys(PACKAGES)) {
      expect(brokenBy({ 'audit/a.ts': `import x from '${name}'` }), name).to.include('package has its place')
    }
  })

  it('lets pass what is allowed', () => {
    const files = {
      'app.ts': "import { clientsPostgres } from './clients/clients-postgres.ts'",
      'clients/clients-postgres.ts':
        "import { record } from '../audit/audit-postgres.ts'; import { openDatabase } from '../postgres/database.ts'",
      'tokens/a.ts':
        "import type { Client } from '../clients/client.ts'; import { Clock } from '../clock.ts'",
      'tokens/b.ts': 'const when = new Date(0) // not new Date() or process.env',
      'http/b.ts':
        "import { createServer } from 'node:http'; setTimeout(() => {}, 5); const { pid } = process",
      'tokens/anchors.ts': 'setTimeout(() => {}, 5)',
      'keys/sealing-key-file.ts': "import { open } from 'node:fs/promises'; import { join } from 'node:path'",
      'resource/a.ts': "import { jwtVerify } from 'jose'; import { isDue } from './clock.ts'",
      'resource/clock.ts': 'const now = new Date()',
      'config.ts': 'const host = process.env.HOST',
      'clock.ts': "import { setTimeout } from 'node:timers/promises'; const now = new Date()",
    }
    expect(findViolations(new Map(Object.entries(files)))).to.deep.equal([])
  })
})

function brokenBy(files: Record<string, string>): Rule[] {
  return findViolations(new Map(Object.entries(files))).map(({ rule }) => rule)
}

function importing(from: string, to: string, how: 'import' | 'import type'): boolean {
  const path = from.endsWith('.ts') ? from : `${from}/a.ts`
  const prefix = from.endsWith('.ts') ? './' : '../'
  const target = to.endsWith('.ts') ? to : `${to}/b.ts`
  return !brokenBy({ [path]: `${how} { x } from '${prefix}${target}'` }).includes('folder may import')
}
