import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { AUDIT_EVENTS } from '../../src/audit/events.ts'

const page = readFileSync(new URL('../../docs/audit.md', import.meta.url), 'utf8')
const described = [...page.matchAll(/^\| `([a-z_]+\.[a-z_]+)` \| \S/gm)].map(([, name]) => name)

describe('docs/audit.md', () => {
  it('gives every event of the audit log a meaning, and names no other', () => {
    expect(described).to.have.members([...AUDIT_EVENTS])
  })

  it('control: an event without a row is noticed', () => {
    expect(described).not.to.include('no.event')
    expect(described).to.have.length.greaterThan(20)
  })
})
