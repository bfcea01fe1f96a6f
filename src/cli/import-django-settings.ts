import { readFile } from 'node:fs/promises'
import { changeClient } from '../clients/client-changes.ts'
import { makeClient } from '../clients/client-details.ts'
import { DJANGO_CLIENT_DETAILS, DJANGO_CLIENT_ID } from '../clients/django-client.ts'
import { readSimpleJwt, type SettingReport } from '../django/simple-jwt.ts'
import { Refusal } from '../refusal.ts'
import type { Context } from './context.ts'

/**
 * Gives the client of the Django-shaped endpoints what a project's `SIMPLE_JWT` says, name by name: one that cannot be taken
 * does not hold up the others.
 * @param file JSON
 * @throws Refusal where the file cannot be read, or there is no such client yet
 */
export async function importSettings(
  { ask, config }: Pick<Context, 'ask' | 'config'>,
  file: string,
  isDryRun: boolean,
): Promise<SettingReport[]> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Refusal('file_unreadable', `${file} cannot be read (${error.code})`)
  })
  const settings = readSimpleJwt(text, config.issuer)
  if (!isDryRun) await requireClient(ask)
  const reports: SettingReport[] = []
  for (const report of settings) reports.push(await take(report))
  return reports

  async function take(report: SettingReport): Promise<SettingReport> {
    if (report.outcome !== 'taken') return report
    const { changes } = report
    try {
      if (isDryRun) changeClient(makeClient(DJANGO_CLIENT_ID, DJANGO_CLIENT_DETAILS, new Date(0)), changes)
      else await ask('clients.update', { id: DJANGO_CLIENT_ID, changes })
      return report
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      return { setting: report.setting, outcome: 'refused', message: error.message }
    }
  }
}

async function requireClient(ask: Context['ask']): Promise<void> {
  await ask('clients.show', { id: DJANGO_CLIENT_ID }).catch((error) => {
    if (!(error instanceof Refusal) || error.code !== 'client_unknown') throw error
    throw new Refusal(
      'django_client_missing',
      'the settings are for the client of the Django-shaped endpoints: make it with keyturn clients enable django',
    )
  })
}
