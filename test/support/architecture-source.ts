import ts from 'typescript'

/** One file of `src`, as far as the rules look at it. */
export interface Module {
  /** Relative to `src`, with `/`. */
  readonly path: string
  readonly lines: number
  readonly imports: readonly Import[]
  readonly uses: ReadonlySet<Use>
}

export interface Import {
  /** As written: `../clock.ts`, `koa`, `node:fs`. */
  readonly specifier: string
  /** Whether nothing of it is left when the program runs. */
  readonly typeOnly: boolean
}

/** What a file does that only some may: read the environment or the time, wait, set a timer, import what it computes. */
export type Use = 'environment' | 'time' | 'waiting' | 'timer' | 'computed import'

const TIME = new Set([
  'Date.now',
  'performance.now',
  'performance.timeOrigin',
  'process.hrtime',
  'process.uptime',
])
const TIMERS = ['setTimeout', 'setInterval', 'setImmediate']

/** Reads a file with TypeScript's own parser, so that comments, strings and odd spellings deceive nobody. */
export function readModule(path: string, text: string): Module {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const imports: Import[] = []
  const uses = new Set<Use>()

  function visit(node: ts.Node): void {
    const found = importIn(node)
    if (found === 'computed') uses.add('computed import')
    else if (found !== undefined) imports.push(found)
    for (const use of usesIn(node)) uses.add(use)
    ts.forEachChild(node, visit)
  }
  visit(source)
  return { path, lines: text.trimEnd().split('\n').length, imports, uses }
}

/** `import`, `export … from`, `import(…)`, `import('…').Type`, `require(…)`. */
function importIn(node: ts.Node): Import | 'computed' | undefined {
  if (ts.isImportDeclaration(node))
    return literal(node.moduleSpecifier, node.importClause?.isTypeOnly ?? false)
  if (ts.isExportDeclaration(node) && node.moduleSpecifier)
    return literal(node.moduleSpecifier, node.isTypeOnly)
  if (ts.isImportTypeNode(node)) {
    return ts.isLiteralTypeNode(node.argument) ? literal(node.argument.literal, true) : 'computed'
  }
  if (ts.isCallExpression(node)) {
    const isImport = node.expression.kind === ts.SyntaxKind.ImportKeyword
    if (isImport || node.expression.getText() === 'require') return literal(node.arguments[0], false)
  }
  return undefined
}

function literal(node: ts.Node | undefined, typeOnly: boolean): Import | 'computed' {
  return node !== undefined && ts.isStringLiteralLike(node) ? { specifier: node.text, typeOnly } : 'computed'
}

function usesIn(node: ts.Node): Use[] {
  if (ts.isPropertyAccessExpression(node) || ts.isElementAccessExpression(node)) {
    const member = ts.isPropertyAccessExpression(node) ? node.name.text : stringIn(node.argumentExpression)
    return member === undefined ? [] : usesOfMember(node.expression, member)
  }
  // `const { env } = process`, `const { now } = Date`
  if (ts.isBindingElement(node) && ts.isVariableDeclaration(node.parent.parent)) {
    const from = node.parent.parent.initializer
    return from === undefined ? [] : usesOfMember(from, (node.propertyName ?? node.name).getText())
  }
  if (ts.isNewExpression(node) || ts.isCallExpression(node)) {
    const name = globalName(node.expression)
    if (name === 'Date' && (ts.isCallExpression(node) || !node.arguments?.length)) return ['time']
    if (!TIMERS.includes(name)) return []
    return settlesPromise(node) && name === 'setTimeout' ? ['waiting', 'timer'] : ['timer']
  }
  return []
}

function usesOfMember(object: ts.Expression, member: string): Use[] {
  const name = `${globalName(object)}.${member}`
  if (name === 'process.env') return ['environment']
  return TIME.has(name) ? ['time'] : []
}

/** What a name means whether or not it says that it is global. */
function globalName(node: ts.Expression): string {
  return node.getText().replace(/^(globalThis|global)\./, '')
}

function stringIn(node: ts.Node): string | undefined {
  return ts.isStringLiteralLike(node) ? node.text : undefined
}

/** `new Promise((resolve) => setTimeout(resolve, …))`: a wait that no test clock can move. */
function settlesPromise(timer: ts.CallExpression | ts.NewExpression): boolean {
  const callback = timer.arguments?.[0]?.getText()
  for (let node: ts.Node = timer.parent; node !== undefined; node = node.parent) {
    if (ts.isArrowFunction(node) || ts.isFunctionExpression(node)) {
      const isExecutor = ts.isNewExpression(node.parent) && node.parent.expression.getText() === 'Promise'
      if (isExecutor && node.parameters.some(({ name }) => name.getText() === callback)) return true
    }
  }
  return false
}
