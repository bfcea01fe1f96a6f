import { cpus, loadavg, totalmem } from 'node:os'
import type { Choices } from '../arguments.ts'
import type { Cores } from '../cores.ts'

/** One line that says on what and how it was measured. */
export function machineLine({ rounds, seconds }: Choices, cores: Cores | undefined): string {
  const pinned = cores
    ? `systems on core ${cores.systems}, load on core ${cores.generator}`
    : 'nothing pinned'
  return (
    `${cpus().length} × ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}; ` +
    `${pinned}; ${rounds} ${rounds === 1 ? 'round' : 'rounds'} of ${seconds} s, medians; load average ${loadavg()[0]?.toFixed(1)} at the end`
  )
}
