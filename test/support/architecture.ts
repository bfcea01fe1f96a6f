import { posix } from 'node:path'
import * as rules from './architecture-rules.ts'
import { type Import, type Module, readModule } from './architecture-source.ts'

/** The rules by name; each has a planted violation in architecture.test.ts that it must report. */
export const RULES = [
  'folder may import',
  'folder is unknown',
  'store is imported by composition only',
  'package has its place',
  'pure folders do no I/O',
  'domain folders do no I/O',
  'domain folders keep no timers',
  'environment is read in one file',
  'time is read in one file',
  'imports are written out',
  'the resource library stands alone',
  'folders do not import in a circle',
  'file is short',
  'folder is named for the domain',
] as const
export type Rule = (typeof RULES)[number]

export interface Violation {
  readonly rule: Rule
  readonly path: string
  readonly detail: string
}

/**
 * Everything in `src` that breaks a rule.
 * @param files path relative to `src` → content
 */
export function findViolations(files: ReadonlyMap<string, string>): Violation[] {
  const modules = [...files].map(([path, text]) => readModule(path, text))
  return [...modules.flatMap(violationsOf), ...findCircles(modules)]
}

function violationsOf(module: Module): Violation[] {
  const { path } = module
  const found: Violation[] = []
  const report = (rule: Rule, detail: string) => found.push({ rule, path, detail })

  const forbidden = path.split('/').find((part) => rules.FORBIDDEN_FOLDERS.includes(part))
  if (forbidden) report('folder is named for the domain', forbidden)
  if (module.lines > rules.MAX_LINES) report('file is short', `${module.lines} lines`)
  if (!(areaOf(path) in rules.FOLDERS)) report('folder is unknown', `${areaOf(path)} has no row in FOLDERS`)
  if (module.uses.has('environment') && path !== rules.ENVIRONMENT_FILE) {
    report('environment is read in one file', 'process.env')
  }
  for (const use of ['time', 'waiting'] as const) {
    if (module.uses.has(use) && !rules.CLOCK_FILES.includes(path)) report('time is read in one file', use)
  }
  const isDomain = rules.DOMAIN_FOLDERS.includes(areaOf(path))
  if (module.uses.has('timer') && isDomain && !Object.hasOwn(rules.DOMAIN_TIMERS, path)) {
    report('domain folders keep no timers', 'setTimeout or setInterval')
  }
  if (module.uses.has('computed import')) report('imports are written out', 'a module name is computed')

  for (const imported of module.imports) {
    const rule = ruleBrokenBy(path, imported)
    if (rule) report(rule, `${imported.typeOnly ? 'type ' : ''}${imported.specifier}`)
  }
  return found
}

function ruleBrokenBy(path: string, imported: Import): Rule | undefined {
  const { specifier, typeOnly } = imported
  if (specifier === 'node:module') return 'imports are written out'
  if (areaOf(path) === rules.STANDS_ALONE && !standsAlone(path, specifier)) {
    return 'the resource library stands alone'
  }
  if (rules.TIMER_MODULES.includes(specifier)) {
    return path === rules.CLOCK_FILE ? undefined : 'time is read in one file'
  }
  if (specifier === 'node:process') {
    return path === rules.ENVIRONMENT_FILE ? undefined : 'environment is read in one file'
  }
  if (specifier.startsWith('node:')) return builtinRuleBrokenBy(path, specifier)
  if (specifier.startsWith('.')) return localRuleBrokenBy(path, targetOf(path, specifier), typeOnly)
  return mayImportPackage(path, imported) ? undefined : 'package has its place'
}

/** Whether what it imports is no builtin of Node and no leaf; the other rules see to the rest. */
function standsAlone(path: string, specifier: string): boolean {
  if (!specifier.startsWith('.')) return !specifier.startsWith('node:')
  return !rules.LEAVES.includes(targetOf(path, specifier))
}

function builtinRuleBrokenBy(path: string, specifier: string): Rule | undefined {
  if (rules.PURE_FOLDERS.includes(areaOf(path))) {
    return rules.PURE_BUILTINS.includes(specifier) ? undefined : 'pure folders do no I/O'
  }
  if (!rules.DOMAIN_FOLDERS.includes(areaOf(path)) || rules.DOMAIN_BUILTINS.includes(specifier))
    return undefined
  return rules.DOMAIN_IO[path]?.includes(specifier) ? undefined : 'domain folders do no I/O'
}

function mayImportPackage(path: string, { specifier, typeOnly }: Import): boolean {
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
  const row = rules.PACKAGES[name]
  return matches(path, row?.imports) || (typeOnly && matches(path, row?.types))
}

function localRuleBrokenBy(from: string, to: string, typeOnly: boolean): Rule | undefined {
  if (to.startsWith('../')) {
    return matches(from, rules.OUTSIDE[to.slice('../'.length)]) ? undefined : 'folder may import'
  }
  if (rules.LEAVES.includes(to)) return undefined
  if (rules.EXCEPTIONS.some((exception) => exception[0] === from && exception[1] === to)) return undefined
  const asStore = matches(to, rules.STORE_IMPORTS[rules.STORE.exec(from)?.[1] ?? ''])
  if (rules.STORE.test(to)) {
    // A store may be made of several files, side by side.
    const besideOwn = rules.STORE.test(from) && areaOf(from) === areaOf(to)
    if (!besideOwn && !asStore && !matches(from, rules.STORE_USERS))
      return 'store is imported by composition only'
  }
  if (areaOf(from) === areaOf(to) || asStore) return undefined
  const row = rules.FOLDERS[areaOf(from)]
  const allowed = [...(row?.imports ?? []), ...(typeOnly ? (row?.types ?? []) : [])]
  return allowed.includes(areaOf(to)) ? undefined : 'folder may import'
}

/** Folders that import one another, also by way of others; each circle once. Files of `src` itself count as folders. */
function findCircles(modules: readonly Module[]): Violation[] {
  const edges = new Map<string, Set<string>>()
  for (const { path, imports } of modules) {
    for (const { specifier } of imports.filter(({ specifier }) => specifier.startsWith('.'))) {
      const to = areaOf(targetOf(path, specifier))
      if (to !== areaOf(path)) edges.set(areaOf(path), (edges.get(areaOf(path)) ?? new Set()).add(to))
    }
  }
  const found: Violation[] = []
  const done = new Set<string>()
  function follow(area: string, way: readonly string[]): void {
    if (way.includes(area)) {
      const circle = [...way.slice(way.indexOf(area)), area].join(' → ')
      found.push({ rule: 'folders do not import in a circle', path: area, detail: circle })
    }
    if (done.has(area) || way.includes(area)) return
    for (const next of edges.get(area) ?? []) follow(next, [...way, area])
    done.add(area)
  }
  for (const area of edges.keys()) follow(area, [])
  return found
}

/** Relative to `src`; `../migrations/all.ts` for what lies outside. */
function targetOf(from: string, specifier: string): string {
  return posix.normalize(posix.join(posix.dirname(from), specifier))
}

/** The folder that a file belongs to; a file of `src` itself is its own. */
function areaOf(path: string): string {
  return path.split('/')[0] ?? path
}

function matches(path: string, patterns: readonly RegExp[] | undefined): boolean {
  return patterns?.some((pattern) => pattern.test(path)) ?? false
}
