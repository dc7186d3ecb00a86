/**
 * A ledger moved from a cluster to a folder of its own: the same ids, leaves, order and root. It is made from the copy of a node, once that has
 * everything. Meanwhile the vault is out of the nodes' sight, so that none of them records. Killed anywhere and run again, it begins
 * anew with what takes long done: the copy. `ledger.db`, placed last, is what makes the folder a ledger.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { lockFolder } from "../event-store/folder-lock.ts";
import { openClusterEventStore } from "../event-store/kurrentdb/cluster-event-store.ts";
import type { Log } from "../event-store/log.ts";
import { openSqliteLog } from "../event-store/sqlite/sqlite-log.ts";
import { firstDifference } from "../moving/comparison.ts";
import { dropFencedVault, fenceVault, type PostgresPlace, unfenceVault } from "../vault/postgres/contents.ts";
import { keyFilesIn, nameIn, snapshot } from "./backup.ts";
import { syncPath } from "./backup-manifest.ts";
import { type ClusterConnections, copyPath, membershipOf, requireConnections } from "./cluster-node.ts";
import { finishErasuresIn } from "./finish-erasures.ts";
import { vaultPath } from "./foundation.ts";
import { keysFolderOf, ledgerPath, NoLedgerError } from "./ledger-folder.ts";
import { MoveError } from "./move-error.ts";
import { type OnProgress, type Proven, provenRoot, removeDatabase } from "./moved-files.ts";
import { told, vaultFromCluster, vaultPlace } from "./moving-vaults.ts";
import { levelWithCluster } from "./to-cluster.ts";

export type FromClusterOptions = {
  /** Of a node. */
  folder: string;
  keysFolder?: string;
  connections: ClusterConnections;
  /** The data folder to be made, and that of its keys; beside it where absent. */
  to: string;
  toKeysFolder?: string;
  onProgress: OnProgress;
  /** How long the cluster may take to give what the copy lacks. */
  patienceMs?: number;
};

export type MovedFromCluster = Proven & {
  ledger: string | null;
  prefix: string;
  events: number;
  folder: string;
  keysFolder: string;
};

const draftOf = (path: string): string => `${path}.moving`;

/**
 * @throws MoveError, NoLedgerError, FolderInUseError, ClusterSettingsError, StoreUnavailableError, VaultUnavailableError. The ledger is then where
 *   it was, and nodes may be started again.
 */
export async function moveFromCluster(options: FromClusterOptions): Promise<MovedFromCluster> {
  const folder = resolve(options.folder);
  const to = resolve(options.to);
  const membership = membershipOf(folder);
  if (membership === undefined) throw new NoLedgerError(folder);
  requireConnections(options.connections);
  if (!existsSync(ledgerPath(to))) requireFree(to);
  mkdirSync(to, { recursive: true, mode: 0o700 });
  const locks = [lockFolder(folder), lockFolder(to)];
  try {
    const place = vaultPlace(options.connections, membership.prefix);
    const moved = existsSync(ledgerPath(to))
      ? await movedBefore({ ...options, folder, to, prefix: membership.prefix })
      : await moveNow({ ...options, folder, to, prefix: membership.prefix }, place);
    // Keys that stayed would outlive an erasure of the ledger that has gone.
    await dropFencedVault(place);
    options.onProgress("erasing what was erased since", 0);
    await finishErasuresIn(to, moved.keysFolder);
    return moved;
  } finally {
    for (const lock of locks) lock.release();
  }
}

async function moveNow(options: Placed, place: PostgresPlace): Promise<MovedFromCluster> {
  const schema = await told(() => fenceVault(place));
  try {
    return await copied(options, { ...place, schema });
  } catch (error) {
    await unfenceVault(place);
    throw error;
  }
}

/** Killed after the ledger was placed: all that is left to do is behind it. @throws MoveError for some other ledger's folder. */
async function movedBefore({ folder, to, prefix, toKeysFolder, onProgress }: Placed): Promise<MovedFromCluster> {
  const keysFolder = keysFolderOf({ folder: to, ...(toKeysFolder === undefined ? {} : { keysFolder: toKeysFolder }) });
  const copy = openSqliteLog(copyPath(folder));
  try {
    return { ...(await proof(ledgerPath(to), copy, keysFolder, onProgress)), prefix, folder: to, keysFolder };
  } finally {
    copy.close();
  }
}

/** What an attempt that was killed may have left, and the lock. */
const ourOwn = /^(troth\.(lock|pid)(-journal)?|(ledger|vault)\.db\.moving(-(wal|shm|journal))?|vault\.db)$/;

function requireFree(folder: string): void {
  const names = statSync(folder, { throwIfNoEntry: false }) === undefined ? [] : readdirSync(folder);
  if (!names.every((name) => ourOwn.test(name))) throw new MoveError(`${folder} is not empty; nothing is overwritten`);
}

type Placed = FromClusterOptions & { prefix: string };

async function copied(options: Placed, vault: PostgresPlace): Promise<MovedFromCluster> {
  const { folder, to, prefix, connections, onProgress, patienceMs } = options;
  const keysFolder = keysFolderOf({ folder: to, keysFolder: options.toKeysFolder });
  const connectionString = requireConnections(connections).events;
  const store = await openClusterEventStore({ connectionString, prefix, copyPath: copyPath(folder) });
  try {
    onProgress("following the cluster to its end", 0);
    await levelWithCluster(store, patienceMs);
    const draft = draftOf(ledgerPath(to));
    removeDatabase(draft);
    await snapshot(copyPath(folder), draft, (share) => onProgress("copying the log", share));
    makeEmbedded(draft);
    const proven = await proof(draft, store.log, keysFolderOf(options), onProgress);
    placeKeys(keysFolderOf(options), keysFolder);
    onProgress("moving the keys", 0);
    await vaultFromCluster(draftOf(vaultPath(to)), vault);
    if (store.log.head() !== proven.events)
      throw new MoveError("a node has recorded meanwhile: stop every node, and run it again");
    renameSync(draftOf(vaultPath(to)), vaultPath(to));
    renameSync(draft, ledgerPath(to));
    syncPath(to);
    return { ...proven, prefix, folder: to, keysFolder };
  } finally {
    await store.close();
  }
}

/** How far the copying had come is nothing to an embedded ledger. */
function makeEmbedded(path: string): void {
  const database = new DatabaseSync(path);
  try {
    database.exec("PRAGMA synchronous = FULL; DROP TABLE copied");
  } finally {
    database.close();
  }
}

async function proof(
  path: string,
  copy: Log,
  keysFolder: string,
  onProgress: OnProgress,
): Promise<Proven & { ledger: string | null; events: number }> {
  const log = openSqliteLog(path);
  try {
    const events = log.head();
    const upTo = Math.min(events, copy.head());
    const reading = (position: number) => onProgress("reading it back", position / upTo);
    const differs = await firstDifference(log, copy, { afterPosition: 0, upTo }, reading);
    if (differs !== undefined || events < copy.head())
      throw new MoveError(`${path} is not the log that the node has, from position ${differs ?? events + 1} on`);
    return { ...(await provenRoot(log, path, keysFolder, onProgress)), ledger: nameIn(log), events };
  } finally {
    log.close();
  }
}

/** @throws MoveError where there are keys of another ledger. */
function placeKeys(from: string, to: string): void {
  mkdirSync(to, { recursive: true, mode: 0o700 });
  for (const name of keyFilesIn(from)) {
    const [source, target] = [join(from, name), join(to, name)];
    if (name === "kek.bin" && existsSync(target) && !readFileSync(target).equals(readFileSync(source)))
      throw new MoveError(`${to} holds the keys of another ledger`);
    if (existsSync(target)) continue;
    copyFileSync(source, target);
    syncPath(target);
  }
  syncPath(to);
}
