import { readFileSync } from 'node:fs'
import type { RedisConnection } from './connection.ts'

/** The scripts, by file name without its ending. The number at the end is the number of keys. */
const SCRIPTS = ['rotate-refresh-family-1', 'take-rate-limit-1'] as const
export type ScriptName = (typeof SCRIPTS)[number]

/** Runs one script: its keys, then its arguments. */
export type RunScript = (name: ScriptName, ...keysAndArguments: (string | number)[]) => Promise<unknown>

/**
 * Makes the scripts callable on a connection: by digest, and by source where a restarted server does not know the
 * digest (ioredis does that).
 */
export function loadScripts(redis: RedisConnection): RunScript {
  for (const name of SCRIPTS) {
    const lua = readFileSync(new URL(`./scripts/${name}.lua`, import.meta.url), 'utf8')
    redis.defineCommand(name, { lua, numberOfKeys: Number(name.slice(name.lastIndexOf('-') + 1)) })
  }
  const commands = redis as unknown as Record<
    ScriptName,
    (...keysAndArguments: (string | number)[]) => Promise<unknown>
  >
  return (name, ...keysAndArguments) => commands[name](...keysAndArguments)
}
