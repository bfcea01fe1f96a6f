import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { unpackPackages } from './debian-packages.ts'

/** A Python that can import what was asked for. */
export interface Python {
  readonly program: string
  readonly environment: Readonly<Record<string, string>>
}

/** Debian's packages are for this one; whatever else `PATH` may find first does not see them. */
const SYSTEM_PYTHON = '/usr/bin/python3'

/**
 * Debian's Python with packages of Debian's, of which nothing needs to be installed: what the system lacks is unpacked
 * beside it, Python itself included.
 * @param packages names that apt knows, for example `['python3-django']`
 * @throws Error that says what to do instead where apt cannot get them
 */
export async function debianPython(packages: readonly string[]): Promise<Python> {
  const { root, environment } = await unpackPackages(packages)
  const unpacked = join(root, 'usr/bin/python3')
  const isUnpacked = existsSync(unpacked)
  return {
    program: isUnpacked ? unpacked : SYSTEM_PYTHON,
    environment: {
      ...environment,
      ...(isUnpacked && { PYTHONHOME: join(root, 'usr') }),
      PYTHONPATH: join(root, 'usr/lib/python3/dist-packages'),
      PYTHONNOUSERSITE: '1',
    },
  }
}
