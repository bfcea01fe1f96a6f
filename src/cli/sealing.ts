import type { Command } from 'commander'
import type { Config } from '../config.ts'
import { addSealingKeyLine, createSealingKey, sealingKeyPath } from '../keys/sealing-key-file.ts'
import { Refusal } from '../refusal.ts'
import type { Answer, Row } from './answer.ts'
import { addCommand, type Run } from './command.ts'

/** `keyturn keys init` and `keyturn keys reseal`: the key that seals the others. */
export function addSealingCommands(keys: Command, run: Run): void {
  addCommand(
    keys,
    'init',
    'make the sealing key in KEYTURN_KEYS_DIR; one that is there is never overwritten',
    'KEYTURN_KEYS_DIR=/etc/keyturn/keys keyturn keys init',
  )
    .option('--add', 'put a new key in front of the one that is there, which stays')
    .action(({ add }: { add?: true }) =>
      run(async ({ config }) => {
        requireFile(config)
        return add ? addLine(config.keysDirectory) : create(config.keysDirectory)
      }),
    )

  addCommand(
    keys,
    'reseal',
    'seal everything that is stored with the first line of the sealing key',
    'keyturn keys init --add && keyturn keys reseal',
  )
    .option('--anyway', 'also where a node that serves does not hold that line yet')
    .action(({ anyway }: { anyway?: true }) =>
      run(async ({ ask }) => {
        const report = await ask('keys.reseal', { isInsisted: anyway ?? false })
        return { data: report, text: reportText(report) }
      }),
    )
}

/** @throws Refusal `sealing_key_from_command` */
function requireFile({ sealingKeyCommand }: Config): void {
  if (sealingKeyCommand === undefined) return
  throw new Refusal(
    'sealing_key_from_command',
    'KEYTURN_SEALING_KEY_COMMAND prints the sealing key, and no file is read: put a new line in front of the others ' +
      'where the command gets them from (openssl rand 32 | basenc --base64url | tr -d =)',
  )
}

async function create(directory: string): Promise<Answer> {
  const { fingerprint } = await createSealingKey(directory)
  const path = sealingKeyPath(directory)
  const text = `Made ${path} (fingerprint ${fingerprint}).\nKeep a copy elsewhere: without it nothing that it sealed can be opened.`
  return { data: { path, fingerprint }, text }
}

async function addLine(directory: string): Promise<Answer> {
  const { fingerprint, fingerprints } = await addSealingKeyLine(directory)
  const path = sealingKeyPath(directory)
  const earlier = fingerprints.slice(1)
  const text = [
    `Put a new key in front of ${path} (fingerprint ${fingerprint}); what ${earlier.join(', ')} sealed opens as before.`,
    'Next: keep a copy elsewhere, bring the file to every node (each reads it again within 15 seconds), then',
    'keyturn keys reseal.',
  ]
  return { data: { path, fingerprint, earlierFingerprints: earlier }, text: text.join('\n') }
}

function reportText({ outcome, fingerprint, rows, resealed, idleLines, nodesWithout }: Row): string {
  const did =
    outcome === 'resealed'
      ? `Sealed ${resealed} of ${rows} rows anew: all are sealed with ${fingerprint} now.`
      : `All ${rows} rows are sealed with ${fingerprint} already.`
  const lines = [did]
  if (Array.isArray(nodesWithout) && nodesWithout.length > 0) {
    lines.push(`These nodes do not hold it, and will not start again without it: ${nodesWithout.join(', ')}.`)
  }
  if (Array.isArray(idleLines) && idleLines.length > 0) {
    lines.push(
      `Nothing is sealed with ${idleLines.join(', ')} any more: what is not the first line may be removed, on every node.`,
      'Keep a copy of it for as long as you keep a backup of the database from before.',
    )
  }
  return lines.join('\n')
}
