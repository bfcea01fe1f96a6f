import type { Knex } from 'knex'

/**
 * Which line of the sealing key has sealed a row, by its fingerprint; null where it was written by an earlier release,
 * whose sealing key had one line. It tells a damaged row from one that another line has sealed.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table signing_keys add column sealed_with text;
    alter table symmetric_keys add column sealed_with text;
  `)
}
