import type { Logger } from '../../src/telemetry/logger.ts'

/** A logger that keeps what it is told, for tests that look at it. */
export interface RecordingLogger extends Logger {
  readonly lines: { level: string; fields: Record<string, unknown>; message: string }[]
}

/** Makes a logger that writes nowhere. */
export function recordingLogger(): RecordingLogger {
  const lines: RecordingLogger['lines'] = []
  const at = (level: string) => (fields: object, message: string) => {
    lines.push({ level, fields: fields as Record<string, unknown>, message })
  }
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
