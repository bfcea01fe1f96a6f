import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect } from 'chai'
import { ConfigProblem, readConfig, readSuperuser } from '../src/config.ts'
import { parseDuration } from '../src/config-values.ts'
import { VARIABLE_NAMES } from '../src/config-variables.ts'

const DATABASE = 'postgres://keyturn@db/keyturn'
const MAIL = { KEYTURN_SMTP_URL: 'smtp://localhost', KEYTURN_MAIL_FROM: 'Example <no-reply@example.com>' }

describe('the configuration', () => {
  it('needs nothing: embedded on loopback, with demo accounts', () => {
    expect(readConfig({})).to.include({
      mode: 'embedded',
      demo: true,
      host: '127.0.0.1',
      port: 7600,
      metricsPort: 7601,
      issuer: 'http://localhost:7600',
      dataDirectory: resolve('.keyturn'),
      keysDirectory: resolve('keys'),
      accessTokenTtlSeconds: 600,
      refreshIdleTtlSeconds: 14 * 86_400,
      refreshAbsoluteTtlSeconds: 90 * 86_400,
      refreshRetryWindowSeconds: 60,
      keyRotationPeriodSeconds: 30 * 86_400,
      jwksMaxAgeSeconds: 300,
      logLevel: 'warn',
    })
    expect(readConfig({}).hashConcurrency).to.be.at.least(1)
  })

  it('cannot be changed once it is read', () => {
    expect(() => Object.assign(readConfig({}), { mode: 'small' })).to.throw(TypeError)
  })

  it('takes the mode from the stores that it names', () => {
    expect(readConfig({ KEYTURN_DATABASE_URL: DATABASE })).to.include({
      mode: 'small',
      demo: false,
      logLevel: 'info',
    })
    expect(readConfig({ KEYTURN_DATABASE_URL: DATABASE, KEYTURN_REDIS_URL: 'rediss://r:6379' })).to.include({
      mode: 'standard',
      demo: false,
    })
  })

  for (const [text, host] of [
    ['[::1]', '::1'],
    ['::1', '::1'],
    ['127.0.0.1', '127.0.0.1'],
    ['localhost', 'localhost'],
    ['my-host_1.example.com', 'my-host_1.example.com'],
  ] as const) {
    it(`the host ${text} is ${host}`, () => {
      const environment = { KEYTURN_HOST: text, KEYTURN_DATABASE_URL: DATABASE }
      expect(readConfig(environment).host).to.equal(host)
    })
  }

  for (const text of [
    '',
    '127.999.0.1',
    '127.1',
    '1',
    '[::1',
    '[]',
    ':::',
    '::1%',
    'a b',
    'http://localhost',
    'host:80',
    '-.',
  ]) {
    it(`"${text}" is no host`, () => {
      const environment = { KEYTURN_HOST: text, KEYTURN_DATABASE_URL: DATABASE }
      expect(() => readConfig(environment)).to.throw(ConfigProblem, 'KEYTURN_HOST must be an address')
    })
  }

  it('the default issuer follows the port', () => {
    expect(readConfig({ KEYTURN_PORT: '8080' }).issuer).to.equal('http://localhost:8080')
  })

  for (const [text, seconds] of [
    ['60', 60],
    ['90s', 90],
    ['10m', 600],
    ['1h', 3600],
    ['0.5h', 1800],
    ['1.5m', 90],
  ] as const) {
    it(`a duration of ${text} is ${seconds} seconds`, () => {
      expect(readConfig({ KEYTURN_ACCESS_TOKEN_TTL: text }).accessTokenTtlSeconds).to.equal(seconds)
      expect(parseDuration(text)).to.equal(seconds)
    })
  }

  for (const text of [
    '',
    ' ',
    '10',
    '59',
    '3601',
    '2h',
    '-600',
    '+600',
    '1e3',
    '600.5',
    '10 m',
    '10M',
    'PT10M',
    '0x3c',
    '६००',
  ]) {
    it(`a duration of ${JSON.stringify(text)} is refused for access tokens`, () => {
      expect(problemsOf({ KEYTURN_ACCESS_TOKEN_TTL: text })).to.have.length(1)
    })
  }

  it('days are understood, and 0 only where it has a meaning', () => {
    expect(readConfig({ KEYTURN_KEY_ROTATION_PERIOD: '0' }).keyRotationPeriodSeconds).to.equal(0)
    expect(readConfig({ KEYTURN_REFRESH_IDLE_TTL: '7d' }).refreshIdleTtlSeconds).to.equal(7 * 86_400)
    expect(problemsOf({ KEYTURN_REFRESH_IDLE_TTL: '0' })).to.have.length(1)
    expect(parseDuration('soon')).to.equal(undefined)
  })

  it('the retry window stays within what the rotation rules allow', () => {
    expect(problemsOf({ KEYTURN_REFRESH_RETRY_WINDOW: '30' })).to.deep.equal([
      'KEYTURN_REFRESH_RETRY_WINDOW must be from 31 to 120 seconds',
    ])
    expect(problemsOf({ KEYTURN_REFRESH_RETRY_WINDOW: '121' })).to.have.length(1)
    expect(readConfig({ KEYTURN_REFRESH_RETRY_WINDOW: '31' }).refreshRetryWindowSeconds).to.equal(31)
  })

  it('F-510 all mistakes are reported at once, each with its variable', () => {
    const problems = problemsOf({
      KEYTURN_ISSUER: 'https://id.example.com/path',
      KEYTURN_PORT: '99999',
      KEYTURN_DATABASE_URL: 'mysql://db',
      KEYTURN_ACCESS_TOKEN_TTL: 'long',
      KEYTURN_TRUSTED_PROXIES: '10.0.0.0/8, nonsense',
      KEYTURN_LOG_LEVEL: 'loud',
      KEYTURN_HASH_CONCURRENCY: '0',
      KEYTURN_EMBEDDED: 'yes',
      KEYTURN_ISUER: 'https://id.example.com',
    })
    expect(problems.map((problem) => problem.split(' ')[0])).to.deep.equal([
      'KEYTURN_ISSUER',
      'KEYTURN_PORT',
      'KEYTURN_DATABASE_URL',
      'KEYTURN_ACCESS_TOKEN_TTL',
      'KEYTURN_TRUSTED_PROXIES',
      'KEYTURN_LOG_LEVEL',
      'KEYTURN_HASH_CONCURRENCY',
      'KEYTURN_EMBEDDED',
      'KEYTURN_ISUER',
    ])
  })

  it('F-510 no problem shows the value, which may hold a password', () => {
    const secret = 'hunter2-hunter2'
    const environment = Object.fromEntries(
      VARIABLE_NAMES.map((name) => [name, `nonsense://u:${secret}@host:port/%`]),
    )
    const problems = problemsOf({ ...environment, KEYTURN_UNKNOWN: secret })
    expect(problems.length).to.be.greaterThan(10)
    expect(problems.join('\n')).not.to.include(secret)
    expect(String(thrownBy({ KEYTURN_DATABASE_URL: `mysql://u:${secret}@h/d` }).stack)).not.to.include(secret)
  })

  it('an unknown variable with our prefix is a mistake', () => {
    expect(problemsOf({ KEYTURN_ACCES_TOKEN_TTL: '600' })[0]).to.match(
      /^KEYTURN_ACCES_TOKEN_TTL is not a variable/,
    )
    expect(problemsOf({ KEYTURN_PORTS: '1' })).to.have.length(1)
  })

  it('what Kubernetes injects for a service named keyturn is ignored, and so is what belongs to the tests', () => {
    const config = readConfig({
      KEYTURN_PORT: 'tcp://10.0.0.1:7600',
      KEYTURN_PORT_7600_TCP: 'tcp://10.0.0.1:7600',
      KEYTURN_PORT_7600_TCP_PROTO: 'tcp',
      KEYTURN_SERVICE_HOST: '10.0.0.1',
      KEYTURN_SERVICE_PORT: '7600',
      KEYTURN_TEST_DATABASE_URL: DATABASE,
      keyturn_port: '1',
    })
    expect(config).to.include({ port: 7600, mode: 'embedded' })
  })

  for (const [what, environment, expected] of [
    [
      'Redis without a database',
      { KEYTURN_REDIS_URL: 'redis://r' },
      /^KEYTURN_REDIS_URL needs KEYTURN_DATABASE_URL/,
    ],
    [
      'another host than loopback without a database',
      { KEYTURN_HOST: '0.0.0.0' },
      /^KEYTURN_HOST is not a loopback address/,
    ],
    ['every address without a database', { KEYTURN_HOST: '::' }, /^KEYTURN_HOST is not a loopback address/],
    [
      'an issuer elsewhere without a database',
      { KEYTURN_ISSUER: 'https://id.example.com' },
      /^KEYTURN_ISSUER is not local/,
    ],
    ['production without a database', { NODE_ENV: 'production' }, /^NODE_ENV is production/],
    [
      'an idle limit beyond the absolute one',
      { KEYTURN_REFRESH_IDLE_TTL: '91d' },
      /^KEYTURN_REFRESH_IDLE_TTL must not be longer/,
    ],
    [
      'the embedded database beside another',
      { KEYTURN_EMBEDDED: '1', KEYTURN_DATABASE_URL: DATABASE },
      /^KEYTURN_EMBEDDED asks for the embedded database and KEYTURN_DATABASE_URL for another/,
    ],
    ['any port, with an issuer that names it', { KEYTURN_PORT: '0' }, /^KEYTURN_ISSUER is needed/],
    [
      'a rotation period that rounds to none',
      { KEYTURN_KEY_ROTATION_PERIOD: '0.4s' },
      /^KEYTURN_KEY_ROTATION_PERIOD must be a second at least, or 0/,
    ],
    ...['postgres://', 'postgres:///keyturn', 'postgres://user:secret@host', 'postgresql://host:5432/'].map(
      (url) =>
        [
          `the half of a database URL (${url})`,
          { KEYTURN_DATABASE_URL: url },
          /^KEYTURN_DATABASE_URL must name the host and the database|^KEYTURN_DATABASE_URL must be a URL/,
        ] as const,
    ),
    [
      'a mail server without a sender',
      { KEYTURN_SMTP_URL: 'smtp://localhost' },
      /^KEYTURN_SMTP_URL needs KEYTURN_MAIL_FROM/,
    ],
    [
      'a page for links without a mail server',
      { KEYTURN_PASSWORD_RESET_URL: 'https://a.example/{uid}/{token}' },
      /^KEYTURN_PASSWORD_RESET_URL needs KEYTURN_SMTP_URL/,
    ],
    [
      'addresses that must be verified without a page for the link',
      { KEYTURN_EMAIL_VERIFICATION: 'mandatory', ...MAIL },
      /^KEYTURN_EMAIL_VERIFICATION=mandatory needs KEYTURN_VERIFY_EMAIL_URL/,
    ],
    [
      'a password for mail in clear',
      { ...MAIL, KEYTURN_SMTP_URL: 'smtp://user:secret@mail.example.com?tls=off' },
      /^KEYTURN_SMTP_URL must not send a password without TLS/,
    ],
    ...['no-reply', 'A <a@b.example> x', 'a@b.example\nBcc: x@b.example', 'a@b.example,c@b.example'].map(
      (from) =>
        [
          `the sender ${JSON.stringify(from)}`,
          { ...MAIL, KEYTURN_MAIL_FROM: from },
          /^KEYTURN_MAIL_FROM must be an address/,
        ] as const,
    ),
    ...[
      'https://a.example/{uid}',
      'https://a.example/{uid}/{token}/{key}',
      'http://a.example/{uid}/{token}',
    ].map(
      (page) =>
        [
          `the page ${page}`,
          { ...MAIL, KEYTURN_PASSWORD_RESET_URL: page },
          /^KEYTURN_PASSWORD_RESET_URL must be a URL with HTTPS/,
        ] as const,
    ),
    ['one port for two listeners', { KEYTURN_METRICS_PORT: '7600' }, /^KEYTURN_METRICS_PORT must differ/],
  ] as const) {
    it(`${what} is refused`, () => {
      const problems = problemsOf(environment)
      expect(problems).to.have.length(1)
      expect(problems[0]).to.match(expected)
    })
  }

  for (const url of [
    'postgres://h/db',
    'postgres://%2Frun%2Fpostgresql/db',
    'postgres:///db?host=/run/postgresql',
  ]) {
    it(`${url} is a database`, () => {
      expect(readConfig({ KEYTURN_DATABASE_URL: url })).to.include({ mode: 'small', databaseUrl: url })
    })
  }

  it('a rotation period of 0, however it is written, is none; any port is fine with an issuer', () => {
    for (const text of ['0', '0d', '0.0h']) {
      expect(readConfig({ KEYTURN_KEY_ROTATION_PERIOD: text }).keyRotationPeriodSeconds).to.equal(0)
    }
    expect(readConfig({ KEYTURN_PORT: '0', KEYTURN_ISSUER: 'http://localhost:1' }).port).to.equal(0)
  })

  for (const [name, environment] of [
    ['KEYTURN_HOST', { KEYTURN_HOST: '0.0.0.0' }],
    ['KEYTURN_ISSUER', { KEYTURN_ISSUER: 'https://id.example.com' }],
    ['NODE_ENV', { NODE_ENV: 'production' }],
  ] as const) {
    it(`${name} as in production is accepted with a database, or when embedded is asked for by name`, () => {
      expect(readConfig({ ...environment, KEYTURN_DATABASE_URL: DATABASE }).mode).to.equal('small')
      const embedded = readConfig({ ...environment, KEYTURN_EMBEDDED: '1' })
      expect(embedded).to.include({ mode: 'embedded', demo: false })
    })
  }

  for (const host of ['localhost', '127.0.0.1', '127.1.2.3', '::1']) {
    it(`${host} is loopback`, () => {
      expect(readConfig({ KEYTURN_HOST: host })).to.include({ host, mode: 'embedded' })
    })
  }

  for (const issuer of [
    'id.example.com',
    'https://id.example.com/',
    'https://id.example.com/a',
    'https://id.example.com?x',
    'https://id.example.com#x',
    'https://user@id.example.com',
    'https://ID.example.com',
    'https://id.example.com:443',
    'ftp://id.example.com',
    'javascript:alert(1)',
  ]) {
    it(`F-510 the issuer ${issuer} is refused: verifiers compare it byte by byte`, () => {
      expect(problemsOf({ KEYTURN_ISSUER: issuer, KEYTURN_DATABASE_URL: DATABASE })).to.have.length(1)
    })
  }

  it('trusted proxies are addresses and ranges of both families', () => {
    const { trustedProxies } = readConfig({ KEYTURN_TRUSTED_PROXIES: '10.0.0.0/8, 192.0.2.1,2001:db8::/32' })
    expect(trustedProxies).to.deep.equal(['10.0.0.0/8', '192.0.2.1', '2001:db8::/32'])
    expect(problemsOf({ KEYTURN_TRUSTED_PROXIES: '10.0.0.0/33' })).to.have.length(1)
  })

  it('a wrong variable is not blamed a second time for what follows from it', () => {
    expect(problemsOf({ KEYTURN_DATABASE_URL: 'mysql://db', KEYTURN_REDIS_URL: 'redis://r' })).to.deep.equal([
      'KEYTURN_DATABASE_URL must be a URL such as postgres://user@host:5432/keyturn',
    ])
  })

  it('the superuser of createsuperuser has the names that Django gave its variables', () => {
    expect(
      readSuperuser({
        DJANGO_SUPERUSER_USERNAME: 'root',
        DJANGO_SUPERUSER_EMAIL: 'root@example.com',
        DJANGO_SUPERUSER_PASSWORD: 'secret',
      }),
    ).to.deep.equal({ username: 'root', email: 'root@example.com', password: 'secret' })
  })
})

describe('docs/configuration.md', () => {
  const page = readFileSync(new URL('../docs/configuration.md', import.meta.url), 'utf8')
  const rows = [...page.matchAll(/^\| `(KEYTURN_\w+)` \| (.+?) \| (.+) \|$/gm)].map(([, name, byDefault]) => {
    return { name: String(name), byDefault: String(byDefault) }
  })

  it('describes every variable there is and no other, in the order of the program', () => {
    expect(rows.map(({ name }) => name)).to.deep.equal(VARIABLE_NAMES)
  })

  it('names no variable elsewhere that does not exist', () => {
    const named = new Set(page.match(/KEYTURN_[A-Z_]*[A-Z]/g))
    const foreign = ['KEYTURN_TEST', 'KEYTURN_SERVICE']
    expect([...named].filter((name) => !foreign.includes(name)).sort()).to.deep.equal(
      [...VARIABLE_NAMES].sort(),
    )
  })

  for (const { name, byDefault } of rows) {
    const value = /^`([^`]+)`$/.exec(byDefault)?.[1]
    if (value === undefined) continue
    it(`tells the default of ${name}`, () => {
      expect(readConfig({ [name]: value })).to.deep.equal(readConfig({}))
    })
  }

  it('tells at least the defaults that are plain values', () => {
    expect(rows.filter(({ byDefault }) => /^`[^`]+`$/.test(byDefault))).to.have.length(15)
  })
})

function thrownBy(environment: Record<string, string>): ConfigProblem {
  try {
    readConfig(environment)
  } catch (error) {
    if (error instanceof ConfigProblem) return error
    throw error
  }
  throw new Error('the configuration was accepted')
}

function problemsOf(environment: Record<string, string>): readonly string[] {
  return thrownBy(environment).problems
}
