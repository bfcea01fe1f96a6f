/** Files that everyone may import: words without which nothing could be said. They import nothing of ours. */
export const LEAVES = ['clock.ts', 'unavailable.ts', 'refusal.ts', 'path-refusal.ts']

/** What a folder (or a file of `src` itself) may import of the others, besides the leaves and its own files. */
export interface FolderRule {
  readonly imports: readonly string[]
  /** Only with `import type`: names that are handed in, so that the code behind them is chosen in app.ts. */
  readonly types?: readonly string[]
}

const DOMAIN = [
  'oauth',
  'crypto',
  'audit',
  'sessions',
  'keys',
  'clients',
  'users',
  'links',
  'mail',
  'webhooks',
  'passwords',
  'authtokens',
  'rate-limits',
  'api-keys',
  'swap',
  'django',
  'tokens',
  'grants',
]
const BELOW_HTTP = [...DOMAIN, 'telemetry', 'postgres', 'redis', 'embedded', 'config.ts']
const ROOT_FILES = [
  'app.ts',
  'administration.ts',
  'stores.ts',
  'serve.ts',
  'serve-workers.ts',
  'operations.ts',
  'demo.ts',
  'django-source.ts',
  'drain.ts',
]

/** Who may import whom. A new folder needs a row here. The rules of stores are below. */
export const FOLDERS: Readonly<Record<string, FolderRule>> = {
  // The words and rules of the RFCs, and small tools: pure.
  oauth: { imports: [] },
  crypto: { imports: [] },
  telemetry: { imports: [] },
  postgres: { imports: [], types: ['telemetry'] },
  redis: { imports: [], types: ['telemetry'] },
  audit: { imports: ['oauth', 'telemetry'] },
  sessions: { imports: ['oauth', 'crypto', 'audit', 'telemetry'] },
  keys: { imports: ['oauth', 'crypto', 'audit'], types: ['telemetry'] },
  'rate-limits': { imports: [], types: ['telemetry'] },
  clients: { imports: ['oauth', 'crypto', 'audit', 'rate-limits'], types: ['telemetry'] },
  passwords: { imports: ['oauth', 'crypto', 'audit'], types: ['telemetry'] },
  links: { imports: ['crypto'] },
  users: { imports: ['oauth', 'crypto', 'audit', 'links', 'passwords', 'rate-limits'], types: ['telemetry'] },
  mail: { imports: ['audit', 'links', 'passwords', 'telemetry', 'users'] },
  webhooks: { imports: ['audit', 'crypto'], types: ['keys', 'telemetry'] },
  'api-keys': { imports: ['oauth', 'crypto', 'audit'], types: ['telemetry'] },
  swap: { imports: ['oauth', 'crypto', 'audit'], types: ['clients', 'keys', 'tokens'] },
  django: { imports: ['crypto', 'api-keys', 'authtokens'] },
  authtokens: { imports: ['oauth', 'crypto', 'audit'], types: ['keys', 'telemetry'] },
  tokens: {
    imports: ['oauth', 'crypto', 'audit', 'keys'],
    types: ['authtokens', 'clients', 'users', 'sessions', 'telemetry'],
  },
  grants: { imports: ['oauth', 'clients', 'users', 'tokens'], types: ['api-keys', 'sessions', 'telemetry'] },
  http: { imports: [...DOMAIN, 'telemetry'], types: ['config.ts', 'administration.ts', 'operations.ts'] },
  // The database of embedded mode, and the socket through which the command line reaches a running process.
  embedded: { imports: ['postgres', 'telemetry'], types: ['config.ts'] },
  control: { imports: ['telemetry'], types: ['config.ts'] },
  doctor: {
    imports: ['keys', 'mail', 'postgres', 'embedded', 'config.ts', 'config-values.ts'],
    types: ['telemetry'],
  },
  cli: { imports: [...BELOW_HTTP, 'control', 'doctor', 'workers', 'config-values.ts', ...ROOT_FILES] },
  // The processes that answer requests, and the one that keeps them.
  workers: { imports: ['passwords'], types: ['telemetry'] },
  // What resource servers import: none of ours.
  resource: { imports: [] },
  // The files of `src` itself: composition, and what an operator may ask for.
  'app.ts': {
    imports: [
      ...BELOW_HTTP,
      'http',
      'accounts.ts',
      'auditing.ts',
      'watching.ts',
      'webhooking.ts',
      'credentials.ts',
      'families.ts',
      'granting.ts',
      'keyrings.ts',
      'limiting.ts',
      'swapping.ts',
      'token-questions.ts',
    ],
  },
  'accounts.ts': { imports: [...BELOW_HTTP] },
  'webhooking.ts': { imports: ['audit', 'keys', 'webhooks'], types: ['postgres', 'telemetry'] },
  'granting.ts': {
    imports: ['grants', 'telemetry'],
    types: ['clients', 'config.ts', 'credentials.ts', 'tokens', 'users'],
  },
  'families.ts': { imports: ['redis', 'tokens'], types: ['postgres', 'telemetry'] },
  'limiting.ts': { imports: [...BELOW_HTTP] },
  'keyrings.ts': { imports: ['keys'], types: ['postgres', 'telemetry'] },
  'swapping.ts': { imports: ['keys', 'swap', 'tokens'], types: ['config.ts', 'postgres'] },
  'token-questions.ts': { imports: ['tokens'], types: ['config.ts'] },
  'watching.ts': {
    imports: [],
    types: ['auditing.ts', 'keys', 'passwords', 'redis', 'telemetry', 'tokens'],
  },
  'explaining.ts': { imports: ['keys', 'sessions', 'tokens'], types: ['config.ts', 'postgres', 'telemetry'] },
  'credentials.ts': { imports: [...BELOW_HTTP], types: ['config.ts'] },
  'auditing.ts': { imports: ['audit', 'keys', 'telemetry', 'users'], types: ['postgres'] },
  'administration.ts': { imports: [...BELOW_HTTP, 'explaining.ts', 'credentials.ts'] },
  'stores.ts': { imports: ['embedded', 'postgres', 'redis'], types: ['config.ts', 'telemetry'] },
  'serve.ts': { imports: [...BELOW_HTTP, 'control', ...ROOT_FILES] },
  'serve-workers.ts': {
    imports: ['http', 'keys', 'passwords', 'telemetry', 'workers', 'drain.ts', 'serve.ts'],
    types: ['config.ts'],
  },
  'operation-inputs.ts': { imports: [] },
  'operations.ts': {
    imports: ['operation-inputs.ts'],
    types: ['administration.ts', 'clients', 'users', 'keys'],
  },
  'django-source.ts': { imports: ['django', 'postgres'] },
  'demo.ts': { imports: [], types: ['administration.ts'] },
  'drain.ts': { imports: [] },
  'config.ts': { imports: ['telemetry', 'config-contradictions.ts', 'config-variables.ts'], types: ['mail'] },
  'config-contradictions.ts': { imports: ['config-values.ts'], types: ['config-variables.ts'] },
  'config-variables.ts': { imports: ['telemetry', 'config-values.ts'] },
  'config-values.ts': { imports: ['mail', 'redis'] },
  ...Object.fromEntries(LEAVES.map((leaf) => [leaf, { imports: [] }])),
}

/** A store: the only kind of file beside `postgres` and `redis` that speaks to a server. */
export const STORE = /-(postgres|redis)\.ts$/
/** Who may import a store: composition, which chooses one for the mode, and the doctor, who looks at what there is. */
export const STORE_USERS = [
  /^app\.ts$/,
  /^accounts\.ts$/,
  /^webhooking\.ts$/,
  /^auditing\.ts$/,
  /^credentials\.ts$/,
  /^django-source\.ts$/,
  /^families\.ts$/,
  /^keyrings\.ts$/,
  /^limiting\.ts$/,
  /^swapping\.ts$/,
  /^explaining\.ts$/,
  /^administration\.ts$/,
  /^doctor\/doctor\.ts$/,
]
/**
 * What a store may import besides what its folder may. Others' stores among it are parts of one transaction: the
 * audit row, and the end of the sessions that a change ends.
 */
export const STORE_IMPORTS: Readonly<Record<string, readonly RegExp[]>> = {
  postgres: [
    /^postgres\//,
    /^audit\/audit-postgres\.ts$/,
    /^links\/link-parts-postgres\.ts$/,
    /^sessions\/(session-parts|credential-parts|live)-postgres\.ts$/,
  ],
  redis: [/^redis\//],
}
/** Single imports that no row allows: from, to, and why. */
export const EXCEPTIONS: readonly (readonly [from: string, to: string, because: string])[] = [
  [
    'cli/authenticators.ts',
    'http/authenticators/list.ts',
    'the table that operators see is the one by which requests are judged, and pure',
  ],
  [
    'tokens/presented-postgres.ts',
    'clients/client-row.ts',
    'client, family and user are read in one query, once per request',
  ],
  [
    'tokens/introspection.ts',
    'clients/client.ts',
    'which tokens a client may introspect is a rule of the client, and pure',
  ],
]

/** What lies outside `src` and may be imported, and by whom. */
export const OUTSIDE: Readonly<Record<string, readonly RegExp[]>> = {
  'migrations/all.ts': [/^postgres\/migrate\.ts$/, /^embedded\/seed\.ts$/],
}

/** Which files may import a package. One without a row may be imported nowhere. */
export const PACKAGES: Readonly<Record<string, { imports: readonly RegExp[]; types?: readonly RegExp[] }>> = {
  koa: { imports: [/^http\//] },
  '@koa/router': { imports: [/^http\//] },
  knex: { imports: [/^postgres\//, /-postgres\.ts$/] },
  pg: { imports: [/^postgres\//, /-postgres\.ts$/] },
  ioredis: { imports: [/^redis\//, /-redis\.ts$/], types: [/^(app|limiting|stores)\.ts$/] },
  '@electric-sql/pglite': { imports: [/^postgres\/pglite\.ts$/, /^embedded\//] },
  nodemailer: { imports: [/^mail\/smtp\.ts$/] },
  bowser: { imports: [/^sessions\/device-label\.ts$/] },
  argon2: { imports: [/^passwords\//] },
  bcryptjs: { imports: [/^passwords\//] },
  'unix-crypt-td-js': { imports: [/^passwords\/django-legacy\.ts$/] },
  '@zxcvbn-ts/language-common': { imports: [/^passwords\/common-passwords\.ts$/] },
  jose: { imports: [/^(keys|tokens|clients|crypto|resource)\//] },
  pino: { imports: [/^telemetry\//] },
  'prom-client': { imports: [/^telemetry\//], types: [/^http\//] },
  commander: { imports: [/^cli\//] },
  zod: {
    imports: [
      /^(config-variables|config-values|operation-inputs|operations)\.ts$/,
      /^cli\//,
      /\/administration\.ts$/,
      /-input\.ts$/,
    ],
  },
}
/** The parts of Node that pure folders may use: no input, no output, no time. */
export const PURE_FOLDERS = ['oauth', 'crypto']
export const PURE_BUILTINS = ['node:crypto', 'node:buffer', 'node:util']

/** What folders of the domain may use of Node: who speaks to the outside does it for them, as stores and `http` do. */
export const DOMAIN_FOLDERS = DOMAIN
export const DOMAIN_BUILTINS = [...PURE_BUILTINS, 'node:path', 'node:url']
/** Files of the domain whose work is outside the process, and with what. */
export const DOMAIN_IO: Readonly<Record<string, readonly string[]>> = {
  // The one key that lies in a file.
  'keys/sealing-key-file.ts': ['node:fs/promises'],
  // … or is printed by a command.
  'keys/sealing-key-command.ts': ['node:child_process'],
  // Whether a host is an address of this machine.
  'mail/smtp-url.ts': ['node:net'],
  // Webhooks are told by HTTP, and not inside private networks.
  'webhooks/send.ts': ['node:http', 'node:https', 'node:net'],
  'webhooks/public-address.ts': ['node:dns', 'node:net'],
  // Passwords are hashed in processes of their own.
  'passwords/hash-child.ts': ['node:child_process'],
  'passwords/hash-pool.ts': ['node:child_process'],
  'passwords/hash-process.ts': ['node:fs', 'node:os'],
}
/** Files of the domain that do something by themselves, again and again or a little later, and why. */
export const DOMAIN_TIMERS: Readonly<Record<string, string>> = {
  'audit/tally.ts': 'counts are written once in a while',
  'audit/sequencer.ts': 'rows are chained within a second',
  'mail/delivery.ts': 'mails that another node did not send are looked for every five seconds',
  'webhooks/delivery.ts': 'the end of the audit log is looked at once a second',
  'keys/sealing-key-command.ts': 'a command that hangs is ended',
  'keys/reloading.ts': 'each node reads the keys every fifteen seconds',
  'tokens/anchors.ts': 'anchors are written in batches within 100 ms',
}

/**
 * `keyturn/resource` runs in other people's processes, not all of them Node's: it imports jose and its own files, not
 * even the leaves, and nothing of Node.
 */
export const STANDS_ALONE = 'resource'

/** Only this file reads the environment … */
export const ENVIRONMENT_FILE = 'config.ts'
/** … and only this one the time; the library for resource servers has its own. */
export const CLOCK_FILE = 'clock.ts'
export const CLOCK_FILES = [CLOCK_FILE, 'resource/clock.ts']
export const TIMER_MODULES = ['node:timers', 'node:timers/promises', 'node:perf_hooks']

export const FORBIDDEN_FOLDERS = [
  'controllers',
  'services',
  'repositories',
  'models',
  'helpers',
  'utils',
  'common',
]
export const MAX_LINES = 250
