import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { makeSeed, writeSeed } from './seed.ts'

/**
 * Run by the build, in a process of its own: makes the seed that a first start unpacks and puts it beside this file, or
 * into the folder that is given as the argument.
 */
const folder = process.argv[2] ?? dirname(fileURLToPath(import.meta.url))
writeSeed(folder, await makeSeed())
