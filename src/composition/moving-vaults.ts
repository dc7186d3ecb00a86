/** The keys of data subjects moved along: from the file of an embedded ledger to the database that nodes share, and back. */
import { areSameContents } from "../vault/contents.ts";
import { suppliedKeyEncryptionKey } from "../vault/keys-folder.ts";
import {
  fillPostgresVault,
  NodesAtWorkError,
  openDatabase,
  OtherVaultError,
  postgresContents,
  type PostgresPlace,
  withoutNodes,
} from "../vault/postgres/contents.ts";
import { openSchema } from "../vault/postgres/schema.ts";
import { sqliteContents, writeSqliteVault } from "../vault/sqlite-contents.ts";
import { type ClusterConnections, requireConnections, vaultSchemaOf } from "./cluster-node.ts";
import { MoveError } from "./move-error.ts";
import { removeDatabase } from "./moved-files.ts";

/**
 * From the file to the database; what lies there of an earlier attempt is brought up to date.
 * @throws MoveError; VaultUnavailableError; Error where the key-encryption key is another vault's.
 */
export async function vaultToCluster(path: string, keysFolder: string, place: PostgresPlace): Promise<void> {
  const database = openDatabase(place);
  const source = sqliteContents(path);
  try {
    await openSchema(database, { ...place, keyEncryptionKey: suppliedKeyEncryptionKey(keysFolder), create: true });
    await withoutNodes(database);
    await fillPostgresVault(database, source);
    await requireSame(areSameContents(source, postgresContents(database)));
  } finally {
    await source.close();
    await database.close();
  }
}

/** @throws NodesAtWorkError where any node is at work. */
export async function vaultWithoutNodes(place: PostgresPlace): Promise<void> {
  const database = openDatabase(place);
  await withoutNodes(database).finally(() => database.close());
}

/** From a fenced vault to a new file, in place of a draft that lies there. */
export async function vaultFromCluster(path: string, place: PostgresPlace): Promise<void> {
  removeDatabase(path);
  const contents = postgresContents(openDatabase(place));
  try {
    await writeSqliteVault(path, contents);
    const written = sqliteContents(path);
    await requireSame(areSameContents(contents, written)).finally(() => written.close());
  } finally {
    await contents.close();
  }
}

async function requireSame(areSame: Promise<boolean>): Promise<void> {
  if (!(await areSame)) throw new MoveError("the vault that was read back is not the one that was moved; run it again");
}

/** Where the nodes look for the vault of the ledger under a prefix. */
export const vaultPlace = (connections: ClusterConnections, prefix: string): PostgresPlace => ({
  connectionString: requireConnections(connections).vault,
  schema: vaultSchemaOf({ v: 1, prefix }),
});

/** What the vault finds, told as what it means for the move. */
export async function told<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof NodesAtWorkError || error instanceof OtherVaultError)
      throw new MoveError(error.message, { cause: error });
    throw error;
  }
}
