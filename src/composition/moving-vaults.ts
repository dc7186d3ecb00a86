/** The keys of data subjects moved along: from the file of an embedded ledger to the database that nodes share, and back. */
import { areSameContents } from "../vault/contents.ts";
import { suppliedKeyEncryptionKey } from "../vault/keys-folder.ts";
import {
  dropPostgresVault,
  fillPostgresVault,
  NodesAtWorkError,
  openDatabase,
  OtherVaultError,
  postgresContents,
  withoutNodes,
} from "../vault/postgres/contents.ts";
import type { Database } from "../vault/postgres/database.ts";
import { openSchema } from "../vault/postgres/schema.ts";
import { sqliteContents, writeSqliteVault } from "../vault/sqlite-contents.ts";
import { type ClusterConnections, requireConnections, vaultSchemaOf } from "./cluster-node.ts";
import { MoveError } from "./move-error.ts";
import { removeDatabase } from "./moved-files.ts";

export type VaultMove = { path: string; keysFolder: string; connections: ClusterConnections; prefix: string };

/**
 * From the file to the database; what lies there of an earlier attempt is brought up to date.
 * @throws MoveError; VaultUnavailableError; Error where the key-encryption key is another vault's.
 */
export async function vaultToCluster({ path, keysFolder, ...place }: VaultMove): Promise<void> {
  await withDatabase(place, async (database, schema) => {
    await openSchema(database, { schema, keyEncryptionKey: suppliedKeyEncryptionKey(keysFolder), create: true });
    const source = sqliteContents(path);
    try {
      await withoutNodes(database);
      await fillPostgresVault(database, source);
      await requireSame(areSameContents(source, postgresContents(database)));
    } finally {
      await source.close();
    }
  });
}

/** Waits until no node is at work. @throws MoveError where one is. */
export const requireNoNodes = (place: Omit<VaultMove, "path" | "keysFolder">): Promise<void> => withDatabase(place, withoutNodes);

/** From the database to a new file, in place of a draft that lies there. */
export async function vaultFromCluster({ path, keysFolder, ...place }: VaultMove): Promise<void> {
  await withDatabase(place, async (database, schema) => {
    await openSchema(database, { schema, keyEncryptionKey: suppliedKeyEncryptionKey(keysFolder), create: false });
    removeDatabase(path);
    const contents = postgresContents(database);
    await writeSqliteVault(path, contents);
    const written = sqliteContents(path);
    await requireSame(areSameContents(contents, written)).finally(() => written.close());
  });
}

/** Once the ledger lies elsewhere. An erasure there would not reach keys that stayed behind. */
export const dropVault = (place: Omit<VaultMove, "path" | "keysFolder">): Promise<void> => withDatabase(place, dropPostgresVault);

async function requireSame(areSame: Promise<boolean>): Promise<void> {
  if (!(await areSame)) throw new MoveError("the vault that was read back is not the one that was moved; run it again");
}

async function withDatabase(
  { connections, prefix }: Omit<VaultMove, "path" | "keysFolder">,
  work: (database: Database, schema: string) => Promise<void>,
): Promise<void> {
  const schema = vaultSchemaOf({ v: 1, prefix });
  const database = openDatabase({ connectionString: requireConnections(connections).vault, schema });
  try {
    await work(database, schema);
  } catch (error) {
    if (error instanceof NodesAtWorkError || error instanceof OtherVaultError)
      throw new MoveError(error.message, { cause: error });
    throw error;
  } finally {
    await database.close();
  }
}
