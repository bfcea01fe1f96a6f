import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Run } from '../run.ts'
import { pageOf } from './page.ts'
import { drawPicture } from './picture.ts'
import { summariesOf } from './tables.ts'

const PICTURE = 'cpu-per-operation.svg'

/** Writes page, picture and samples into a directory, which is made where there is none. */
export function writeReport(directory: string, run: Run, how: string): void {
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, 'README.md'), pageOf(run, how, PICTURE))
  writeFileSync(join(directory, PICTURE), drawPicture(summariesOf(run), how))
  writeFileSync(join(directory, 'samples.json'), `${JSON.stringify({ how, ...run })}\n`)
}
