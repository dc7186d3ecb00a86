/** The tables of a vault on PostgreSQL. */
import type { KeyObject } from "node:crypto";
import { newKey, unwrapKey, wrapKey } from "../sealing.ts";
import type { Database, Run } from "./database.ts";

/**
 * A subject has one row: its key or its tombstone, so that minting and erasing at the same moment meet in that row. `counts` holds
 * numbers that are taken in the transaction that uses them: they come without gaps, and in the order in which they can be seen.
 */
const migrations = [
  `CREATE TABLE id_key (id integer PRIMARY KEY CHECK (id = 1), wrapped bytea NOT NULL);
   CREATE TABLE counts (name text PRIMARY KEY, value bigint NOT NULL);
   INSERT INTO counts VALUES ('erasures', 0), ('lines', 0);
   CREATE TABLE subjects (
     subject text PRIMARY KEY,
     version integer, wrapped bytea,
     erased_at text, erasure bigint UNIQUE,
     CHECK (num_nulls(version, wrapped, erased_at, erasure) = 2 AND num_nulls(version, wrapped) <> 1));
   CREATE TABLE access_log (line bigint PRIMARY KEY, at text NOT NULL, key text NOT NULL, purpose text NOT NULL,
                            event text NOT NULL, subjects text[] NOT NULL);
   CREATE TABLE leases (node text PRIMARY KEY, beat bigint NOT NULL, seen bigint NOT NULL,
                        duration_ms integer NOT NULL CHECK (duration_ms BETWEEN 1 AND 60000));`,
];

/** How long a node waits for another that brings the tables up to date, and for each statement that does. */
const migrationMsMax = 60_000;

export type SchemaOptions = { schema: string; keyEncryptionKey: KeyObject; create: boolean };

/**
 * Brings the tables up to date, one node at a time, and gives the vault's id key.
 * @throws Error where there is no vault and none is to be made, where the key-encryption key is another vault's, or where the
 *   tables are of a later release; VaultUnavailableError.
 */
export function openSchema(database: Database, options: SchemaOptions): Promise<KeyObject> {
  return database.transaction(migrationMsMax, async (run) => {
    // Two nodes that start at once; the second finds the tables made.
    await run("SELECT pg_advisory_xact_lock(hashtextextended('troth vault ' || $1, 0))", [options.schema]);
    const version = await versionOf(run);
    if (version === undefined) await make(run, options);
    else if (version > migrations.length)
      throw new Error(`the vault has tables of version ${version}; this program reads version ${migrations.length}`);
    else await migrate(run, version);
    return idKeyOf(run, options.keyEncryptionKey);
  });
}

async function versionOf(run: Run): Promise<number | undefined> {
  const [found] = await run("SELECT to_regclass('schema_version') IS NOT NULL AS here");
  if (found?.["here"] !== true) return undefined;
  const [row] = await run("SELECT version FROM schema_version");
  return row!["version"] as number;
}

async function make(run: Run, { schema, keyEncryptionKey, create }: SchemaOptions): Promise<void> {
  // Whoever names the wrong database by mistake would seal under keys that the other nodes don't have.
  if (!create)
    throw new Error(`the database has no vault in its schema ${schema}: it is another database, or the ledger was moved away`);
  const [found] = await run("SELECT to_regnamespace(quote_ident($1)) IS NOT NULL AS here", [schema]);
  if (found?.["here"] !== true) await run(`CREATE SCHEMA ${quoted(schema)}`);
  await run("CREATE TABLE schema_version (version integer NOT NULL)");
  await run("INSERT INTO schema_version VALUES (0)");
  await migrate(run, 0);
  await run("INSERT INTO id_key VALUES (1, $1)", [wrapKey(keyEncryptionKey, newKey(), ["id-key"])]);
}

async function migrate(run: Run, version: number): Promise<void> {
  if (version === migrations.length) return;
  for (const statements of migrations.slice(version)) await run(statements);
  await run("UPDATE schema_version SET version = $1", [migrations.length]);
}

/** It also proves that the key-encryption key is the right one. */
async function idKeyOf(run: Run, keyEncryptionKey: KeyObject): Promise<KeyObject> {
  const [row] = await run("SELECT wrapped FROM id_key");
  const idKey = row && unwrapKey(keyEncryptionKey, row["wrapped"] as Buffer, ["id-key"]);
  if (!idKey)
    throw new Error(
      "the key-encryption key does not open the vault: it belongs to another vault, or one of the two is damaged. Every node needs the key of the first",
    );
  return idKey;
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
