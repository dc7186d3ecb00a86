import { afterAll, beforeAll, describe } from "vitest";
import { openPostgresVault } from "../../../src/vault/postgres.ts";
import { newKey } from "../../../src/vault/sealing.ts";
import { vaultContract } from "../../contract/vault.contract.ts";
import { noPostgres, startPostgres, type TestPostgres } from "../../support/postgres.ts";

if (noPostgres !== undefined) console.warn(`skipped: the vault on PostgreSQL (${noPostgres})`);

describe.skipIf(noPostgres !== undefined)("on PostgreSQL", () => {
  const keyEncryptionKey = newKey();
  let postgres: TestPostgres;
  /** Two vaults whose tables are made once and emptied for each test, since making them costs more than most tests. */
  let schemas: string[];
  let turn = 0;
  beforeAll(async () => {
    postgres = await startPostgres();
    schemas = [postgres.freshSchema(), postgres.freshSchema()];
    for (const schema of schemas) await (await openVault(schema)).close();
  });
  afterAll(() => postgres.stop());

  const openVault = (schema: string) =>
    openPostgresVault({ connectionString: postgres.url, keyEncryptionKey, create: true, schema });

  async function emptyVault(): Promise<string> {
    const schema = schemas[turn++ % 2]!;
    for (const table of ["subjects", "access_log", "leases"]) await postgres.query(`DELETE FROM ${schema}.${table}`);
    await postgres.query(`UPDATE ${schema}.counts SET value = 0`);
    return schema;
  }

  vaultContract("on PostgreSQL", async () => openVault(await emptyVault()));
});
