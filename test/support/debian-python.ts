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

/** What `examples/resource-server-django` needs. */
export const DJANGO_RESOURCE_SERVER = [
  'python3-django',
  'python3-djangorestframework',
  'python3-djangorestframework-simplejwt',
  'python3-jwt',
  'python3-cryptography',
  'python3-pkg-resources', // simplejwt imports it, but Debian's package does not say so
]

/**
 * Debian's Python with packages of Debian's, of which nothing needs to be installed: what the system lacks is unpacked
 * beside it, Python and OpenSSL included.
 * @param packages names that apt knows, for example `['python3-django']`
 * @throws Error that says what to do instead where apt cannot get them
 */
export async function debianPython(packages: readonly string[]): Promise<Python> {
  const { root, environment } = await unpackPackages(packages)
  const program = join(root, 'usr/bin/python3')
  const isUnpacked = existsSync(program)
  const openSslModules = (environment['LD_LIBRARY_PATH'] ?? '')
    .split(':')
    .map((directory) => join(directory, 'ossl-modules'))
    .find((directory) => existsSync(directory))
  return {
    program: isUnpacked ? program : SYSTEM_PYTHON,
    environment: {
      ...environment,
      ...(isUnpacked && { PYTHONHOME: join(root, 'usr') }),
      ...(openSslModules !== undefined && { OPENSSL_MODULES: openSslModules }),
      PYTHONPATH: join(root, 'usr/lib/python3/dist-packages'),
      PYTHONNOUSERSITE: '1',
    },
  }
}
