/** What a ledger stands on: its log and the keys of its data subjects. Adapters are picked here. */
import { join } from "node:path";
import type { StoredEvent } from "../event-store/event-store.ts";
import type { ClusterEventStore } from "../event-store/kurrentdb/cluster-event-store.ts";
import type { LocalEventStore, WatchedCopy } from "../event-store/log.ts";
import { openSqliteEventStore } from "../event-store/sqlite/sqlite-event-store.ts";
import { keyEncryptionKey, suppliedKeyEncryptionKey } from "../vault/keys-folder.ts";
import { openSqliteVault } from "../vault/sqlite.ts";
import type { ErasableVault } from "../vault/vault.ts";
import { type ClusterConnections, copyPath, membershipOf, requireConnections, vaultSchemaOf } from "./cluster-node.ts";
import { threadedAppends } from "./threaded-appends.ts";

export type Foundation = {
  store: LocalEventStore;
  vault: ErasableVault;
  /** The same store, for a node; absent where the ledger is embedded. */
  cluster?: ClusterEventStore & WatchedCopy;
};

export type Place = {
  folder: string;
  keysFolder: string;
  logPath: string;
  connections?: ClusterConnections | undefined;
  /** A ledger may be begun: its files, and its keys where there are none. */
  mayBegin: boolean;
};

/** Closed in the reverse order, each whatever became of the others. */
export type Closers = (() => unknown)[];

/**
 * The vault alone, for whoever looks into a folder that nobody serves.
 * @throws ClusterSettingsError, VaultUnavailableError, Error for a key that is missing or does not fit.
 */
export async function openVaultOf({
  folder,
  keysFolder,
  connections = {},
}: Pick<Place, "folder" | "keysFolder" | "connections">): Promise<ErasableVault> {
  const membership = membershipOf(folder);
  if (membership === undefined) return openSqliteVault(vaultPath(folder), keyEncryptionKey(keysFolder, vaultPath(folder)));
  const { openPostgresVault } = await import("../vault/postgres.ts");
  return openPostgresVault({
    connectionString: requireConnections(connections).vault,
    keyEncryptionKey: suppliedKeyEncryptionKey(keysFolder),
    create: false,
    schema: vaultSchemaOf(membership),
  });
}

export const vaultPath = (folder: string): string => join(folder, "vault.db");

/** Everything in the folder itself. @throws StoreUnavailableError for a damaged log, Error for keys that do not fit. */
export function embedded({ folder, keysFolder, logPath, mayBegin }: Place, closers: Closers): Foundation {
  const vault = openSqliteVault(vaultPath(folder), keyEncryptionKey(keysFolder, vaultPath(folder)));
  closers.push(() => vault.close());
  const store = openSqliteEventStore(logPath, { create: mayBegin, elsewhere: threadedAppends });
  closers.push(() => store.close());
  return { store, vault };
}

/**
 * The log on a cluster, copied into the folder; the keys in a database that the nodes share.
 *
 * @param onCopied hears of every event that the copy takes, whoever wrote it.
 * @throws ClusterSettingsError for connections that are missing, StoreUnavailableError, VaultUnavailableError, Error for keys that
 *   do not fit.
 */
export async function onCluster(
  { folder, keysFolder, connections = {}, mayBegin }: Place,
  onCopied: (events: readonly StoredEvent[]) => void,
  closers: Closers,
): Promise<Foundation> {
  const membership = membershipOf(folder)!;
  const addresses = requireConnections(connections);
  // Loaded here alone: an embedded ledger needs neither.
  const [{ openClusterEventStore }, { openPostgresVault }] = await Promise.all([
    import("../event-store/kurrentdb/cluster-event-store.ts"),
    import("../vault/postgres.ts"),
  ]);
  const listeners: Parameters<WatchedCopy["onAppend"]>[0][] = [];
  const store = await openClusterEventStore({
    onAppend: (outcome, ms) => {
      for (const listener of listeners) listener(outcome, ms);
    },
    connectionString: addresses.events,
    prefix: membership.prefix,
    copyPath: copyPath(folder),
    onCopied,
  });
  closers.push(() => store.close());
  if (mayBegin) await store.caughtUp();
  const isNew = mayBegin && store.log.head() === 0;
  const vault = await openPostgresVault({
    connectionString: addresses.vault,
    keyEncryptionKey: isNew ? keyEncryptionKey(keysFolder, vaultPath(folder)) : suppliedKeyEncryptionKey(keysFolder),
    create: isNew,
    schema: vaultSchemaOf(membership),
  });
  closers.push(() => vault.close());
  const cluster = Object.assign(store, { onAppend: (listener: (typeof listeners)[number]) => void listeners.push(listener) });
  return { store, vault, cluster };
}
