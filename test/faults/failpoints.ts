import type { Patch } from './builds.ts'

/** A place in the program where a node can be told (`Node.start`) to come to grief. */
export type Failpoint =
  | 'after the postgres read'
  | 'after lua'
  | 'before the anchor'
  | 'during the family insert'
  | 'after signing'
  | 'within the answer'
  | 'exception in a handler'
  | 'stray exception in a handler'
  | 'stray rejection in a handler'
  | 'exception in a timer'
  | 'exception in a redis callback'

/** A request with this header, and no other, meets the exception in the handler. */
export const FAILPOINT_HEADER = 'x-keyturn-failpoint'

const DIE = "process.kill(process.pid, 'SIGKILL')"
const THROW = "throw new Error('failpoint')"

function when(failpoint: Failpoint, statement: string): string {
  return `if (process.env.KEYTURN_TEST_FAILPOINT === '${failpoint}') { ${statement} }\n`
}

const READ_FORM = 'const form = await readForm(ctx);'
const ANSWER = 'ctx.body = response;'
/** Half of the answer is on its way when the node is gone. */
const ANSWER_HALF = `
  const text = JSON.stringify(response);
  ctx.respond = false;
  ctx.res.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  await new Promise((resolve) => ctx.res.write(text.slice(0, text.length / 2), resolve));
  ${DIE};`

/** All of them, for one build; a node that is told of none runs as it is. */
export const FAILPOINT_PATCHES: readonly Patch[] = [
  patch(
    'tokens/presented-postgres.js',
    'return rows.map(toPresented);',
    when('after the postgres read', DIE),
  ),
  patch('tokens/refresh-families-redis.js', 'const outcome = OUTCOMES[code];', when('after lua', DIE)),
  patch('tokens/anchors.js', 'left = await write(batch);', when('before the anchor', DIE)),
  patch(
    'tokens/refresh-families-postgres.js',
    'await insertFamily(transaction, session.family);',
    // The row is written and nothing is committed.
    `{ await insertFamily(transaction, session.family); ${when('during the family insert', DIE)} }`,
    'instead',
  ),
  patch(
    'http/oauth/token.js',
    READ_FORM,
    when('exception in a handler', `if (ctx.get('${FAILPOINT_HEADER}')) ${THROW};`) +
      when('stray exception in a handler', `setImmediate(() => { ${THROW}; });`) +
      when('stray rejection in a handler', `void Promise.reject(new Error('failpoint'));`),
  ),
  patch('http/oauth/token.js', ANSWER, when('after signing', DIE) + when('within the answer', ANSWER_HALF)),
  patch(
    'postgres/watch.js',
    'timer.unref();',
    when('exception in a timer', `setInterval(() => { ${THROW}; }, 50).unref();`),
  ),
  patch(
    'redis/connection.js',
    "redis.on('ready', () => {",
    // Not at the first one: until a node has started, such an error ends it, and is meant to.
    `let connected = false;
    redis.on('ready', () => {
      const isBack = connected;
      connected = true;
      ${when('exception in a redis callback', `if (isBack) ${THROW};`)}`,
    'instead',
  ),
]

/** What is done comes before the text, or takes its place. */
function patch(file: string, replace: string, by: string, where: 'before' | 'instead' = 'before'): Patch {
  return { file, replace, by: where === 'instead' ? by : by + replace }
}
