import { Refusal } from '../refusal.ts'
import { parseExactly } from './json.ts'
import type { DjangoRecord } from './record.ts'

/**
 * Reads what `manage.py dumpdata` printed: one JSON array, or with `--format jsonl` a record a line.
 * @throws Refusal that says where it is no dump
 */
export function* readDumpdata(text: string): Generator<DjangoRecord> {
  if (text.trimStart().startsWith('[')) {
    const records = parse(text, 'the file')
    for (const [at, record] of (records as unknown[]).entries()) yield recordOf(record, `record ${at + 1}`)
    return
  }
  if (text.trim() === '') {
    throw new Refusal('dump_unreadable', 'the file is empty: manage.py dumpdata said why when it was made')
  }
  let line = 0
  for (const part of text.split('\n')) {
    line += 1
    if (part.trim() !== '') yield recordOf(parse(part, `line ${line}`), `line ${line}`)
  }
}

function parse(text: string, where: string): unknown {
  try {
    return parseExactly(text)
  } catch {
    throw new Refusal('dump_unreadable', `${where} is no JSON: make it with manage.py dumpdata`)
  }
}

function recordOf(value: unknown, where: string): DjangoRecord {
  const { model, pk, fields } = (value ?? {}) as Record<string, unknown>
  if (typeof model !== 'string' || typeof fields !== 'object' || fields === null) {
    throw new Refusal('dump_unreadable', `${where} has no model and fields: make it with manage.py dumpdata`)
  }
  return { model: model.toLowerCase(), pk, fields: fields as DjangoRecord['fields'] }
}
