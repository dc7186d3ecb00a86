/**
 * The vault as a PostgreSQL database that the nodes of a cluster share. Keys in it are wrapped under the key-encryption key, which
 * lies with each node. A node works under a lease: one that is out of touch forgets its keys, so that an erasure reaches it anyway.
 */
import type { KeyObject } from "node:crypto";
import { vaultOver } from "./keyed-vault.ts";
import { Database } from "./postgres/database.ts";
import { PostgresKeyStore, SharedMemory } from "./postgres/key-store.ts";
import { Lease, leaseMsMax } from "./postgres/lease.ts";
import { Leases } from "./postgres/leases.ts";
import { openSchema } from "./postgres/schema.ts";
import { keyBytes } from "./sealing.ts";
import type { ErasableVault } from "./vault.ts";

export type PostgresVaultOptions = {
  /** `postgres://user:password@host/database?sslmode=verify-full&sslrootcert=…`. It is quoted in no error. */
  connectionString: string;
  keyEncryptionKey: KeyObject;
  /** Make the vault where the database has none. */
  create: boolean;
  /** Of the tables; at most 63 bytes, beyond which PostgreSQL cuts names. Default `troth_vault`. */
  schema?: string;
  /** Default 5,000: how long the database may take to connect, or for a statement. */
  timeoutMs?: number;
  /** Default 4, and two more for the lease. */
  connectionsMax?: number;
  /** How many unwrapped data keys stay in memory. Default 10,000. */
  keysInMemoryMax?: number;
  /** 60 s at most. */
  leaseMs?: number;
};

export type PostgresVault = ErasableVault & Required<Pick<ErasableVault, "lease">>;

/**
 * Opens the vault. `open` answers `unavailable` and `seal` refuses while the node is out of touch for longer than a lease.
 * @throws VaultUnavailableError where the database can't be reached; Error where it has no vault, where the key-encryption key is
 *   another vault's, or where the connection string is malformed.
 */
export async function openPostgresVault(options: PostgresVaultOptions): Promise<PostgresVault> {
  const { connectionString, keyEncryptionKey, create, schema = "troth_vault" } = options;
  const { timeoutMs = 5_000, connectionsMax = 4, keysInMemoryMax = 10_000, leaseMs = leaseMsMax } = options;
  if (keyEncryptionKey.symmetricKeySize !== keyBytes) throw new RangeError(`the key-encryption key must have ${keyBytes} bytes`);
  if (Buffer.byteLength(schema) > 63) throw new RangeError(`${schema} is too long for the name of a schema`);
  const memory = new SharedMemory(keysInMemoryMax);
  const lease = new Lease(leaseMs, () => memory.keys.clear());
  // Connections of its own, so that no press of work keeps the lease from being renewed.
  const leasing = new Database({
    connectionString,
    schema,
    connectionsMax: 2,
    timeoutMs: Math.min(timeoutMs, Math.max(1_000, leaseMs / 5)),
  });
  const working = new Database({ connectionString, schema, connectionsMax, timeoutMs });
  const leases = new Leases({ database: leasing, lease, durationMs: leaseMs, onErased: (tombstone) => memory.bury(tombstone) });
  const closeAll = async (): Promise<void> => void (await Promise.all([leasing.close(), working.close()]));
  try {
    const idKey = await openSchema(leasing, { schema, keyEncryptionKey, create });
    await leases.begin();
    const vault = vaultOver(new PostgresKeyStore({ database: working, keyEncryptionKey, lease, leases, memory }), idKey);
    return {
      ...vault,
      lease: () => ({ holds: lease.holds(), ...(leases.failure === undefined ? {} : { failure: leases.failure }) }),
      close: () => vault.close().finally(closeAll),
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}
