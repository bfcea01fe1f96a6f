import type { Knex } from 'knex'

/**
 * The algorithm that a client has chosen for its access tokens; null: the default. Plain text: what is known is the
 * program's to say, and a newer release may know more.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw('alter table clients add column access_token_alg text')
}
