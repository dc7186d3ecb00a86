/**
 * An embedded ledger moved to a cluster: the same ids, leaves, order and root. The folder becomes a node of the cluster, whose copy of
 * the log is what the cluster gave back, held against the log event by event. Killed anywhere and run again, it goes on from what the
 * cluster holds. `cluster.json`, written last, is what makes the folder a node.
 */
import { existsSync, renameSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { lockFolder } from "../event-store/folder-lock.ts";
import type { Log } from "../event-store/log.ts";
import { type ClusterEventStore, openClusterEventStore } from "../event-store/kurrentdb/cluster-event-store.ts";
import { CopyBrokenError } from "../event-store/kurrentdb/copy.ts";
import { openOrderedAppends, type OrderedAppends } from "../event-store/kurrentdb/ordered-appends.ts";
import { openSqliteLog } from "../event-store/sqlite/sqlite-log.ts";
import { blanking } from "../ledger/erasures.ts";
import { appendsOf } from "../moving/appends.ts";
import { firstDifference } from "../moving/comparison.ts";
import { openLogKeys } from "../transparency/keys-folder.ts";
import { unfenceVault } from "../vault/postgres/contents.ts";
import { openTombstones } from "../vault/tombstones.ts";
import { nameIn } from "./backup.ts";
import { rootsOf, syncPath } from "./backup-manifest.ts";
import { type ClusterConnections, copyPath, isNode, joinCluster, membershipOf, requireConnections } from "./cluster-node.ts";
import { finishErasuresIn } from "./finish-erasures.ts";
import { vaultPath } from "./foundation.ts";
import { keysFolderOf, NoLedgerError } from "./ledger-folder.ts";
import { MoveError } from "./move-error.ts";
import { carryHeads, foldBack, type Proven, provenRoot, removeDatabase, requireSound } from "./moved-files.ts";
import { told, vaultPlace, vaultToCluster, vaultWithoutNodes } from "./moving-vaults.ts";

export type ToClusterOptions = {
  folder: string;
  keysFolder?: string;
  connections: ClusterConnections;
  /** Before the names of the streams; the ledger's name where absent. */
  prefix?: string;
  onProgress(part: string, share: number): void;
  /** How long nothing may come of trying. Default two minutes. */
  patienceMs?: number;
  /** Appends in flight at once. */
  inFlightMax?: number;
};

export type MovedToCluster = Proven & {
  ledger: string;
  prefix: string;
  events: number;
  /** The folder was a node before: a move was finished or given up, or the cluster was given again what it had lost. */
  wasNode: boolean;
};

/** Events that are sent before it is looked at what the cluster made of them. */
const roundCount = 20_000;
const patienceMsUsual = 120_000;
const retryMs = 500;

/** The log that was moved. No start takes it for a ledger; it may be kept, or deleted. */
export const movedLogPath = (folder: string): string => join(folder, "ledger.moved.db");
const ledgerNameIn = (log: Log): string => {
  const name = nameIn(log);
  if (name === null) throw new MoveError("the log does not say which ledger it is");
  return name;
};
const sourcePath = (folder: string): string => join(folder, "ledger.db");

/**
 * @throws MoveError, NoLedgerError, FolderInUseError, ClusterSettingsError, StoreUnavailableError, VaultUnavailableError; Error for keys
 *   or connection strings that do not fit. The ledger is then where it was.
 */
export async function moveToCluster(options: ToClusterOptions): Promise<MovedToCluster> {
  const folder = resolve(options.folder);
  const keysFolder = keysFolderOf(options);
  if (!existsSync(sourcePath(folder)) && !isNode(folder)) throw new NoLedgerError(folder);
  const lock = lockFolder(folder);
  try {
    const moved = isNode(folder)
      ? await movedBefore({ ...options, folder, keysFolder })
      : await moveNow({ ...options, folder, keysFolder });
    putAside(folder);
    return moved;
  } finally {
    lock.release();
  }
}

type Placed = ToClusterOptions & { keysFolder: string };

async function moveNow(options: Placed): Promise<MovedToCluster> {
  const { folder, keysFolder, onProgress } = options;
  requireConnections(options.connections);
  await requireSound(sourcePath(folder), onProgress);
  // What was erased must not reach the cluster, which forgets nothing.
  await finishErasuresIn(folder, keysFolder);
  const source = openSqliteLog(sourcePath(folder));
  try {
    const proven = await provenRoot(source, sourcePath(folder), keysFolder, onProgress);
    const ledger = ledgerNameIn(source);
    const prefix = options.prefix ?? ledger;
    requireLogKey(keysFolder, ledger, source, proven.signedSize !== null);
    await sendLog(options, prefix, source, copyPath(folder));
    onProgress("moving the keys", 0);
    await told(() => vaultToCluster(vaultPath(folder), keysFolder, vaultPlace(options.connections, prefix)));
    carryHeads(sourcePath(folder), copyPath(folder));
    await readBack(copyPath(folder), source, proven.root, onProgress);
    joinCluster(folder, prefix);
    return { ledger, prefix, events: source.head(), wasNode: false, ...proven };
  } finally {
    source.close();
  }
}

/** Other nodes are given a copy of it, and none may make one of its own. @throws Error for a key that is missing or another log's. */
function requireLogKey(folder: string, ledger: string, log: Log, isSigned: boolean): void {
  openLogKeys({ folder, origin: `troth/${ledger}`, log, isSigned, now: () => new Date().toISOString() });
}

/**
 * The folder is a node already. Killed after it had become one, what was moved may still lie there; killed while it left the cluster, its
 * vault is out of the nodes' sight, and is given back. Else it is the cluster that may have lost what the node has.
 */
async function movedBefore(options: Placed): Promise<MovedToCluster> {
  const { folder, keysFolder, connections, onProgress } = options;
  const { prefix } = membershipOf(folder)!;
  if (options.prefix !== undefined && options.prefix !== prefix)
    throw new MoveError(`${folder} is a node of the ledger under ${prefix}, and stays that`);
  const isUnfinished = existsSync(sourcePath(folder)) || existsSync(vaultPath(folder));
  const isWhole = isUnfinished || (await unfenceVault(vaultPlace(connections, prefix)));
  const copy = openSqliteLog(copyPath(folder));
  try {
    const proven = await provenRoot(copy, copyPath(folder), keysFolder, onProgress);
    if (!isWhole) await refill(options, prefix, copy, proven.root);
    return { ledger: ledgerNameIn(copy), prefix, events: copy.head(), wasNode: true, ...proven };
  } finally {
    copy.close();
    if (existsSync(refilledPath(folder))) replaceCopy(folder);
  }
}

const refilledPath = (folder: string): string => join(folder, "copy.refilled.db");

/** A cluster that lost its log, or the end of it, is given it again by the node that has it. */
async function refill(options: Placed, prefix: string, copy: Log, root: string): Promise<void> {
  const { folder, connections, onProgress } = options;
  const draft = `${refilledPath(folder)}.moving`;
  await told(() => vaultWithoutNodes(vaultPlace(connections, prefix)));
  removeDatabase(draft);
  if ((await sendLog(options, prefix, copy, draft)) === 0) {
    removeDatabase(draft);
    throw new MoveError(`${folder} is a node already, of the ledger under ${prefix} on the cluster, which holds all that it has`);
  }
  carryHeads(copyPath(folder), draft);
  await readBack(draft, copy, root, onProgress);
  foldBack(draft);
  renameSync(draft, refilledPath(folder));
}

/** The cluster numbers its events anew, so the copy is the one that was made while they were sent. */
function replaceCopy(folder: string): void {
  foldBack(copyPath(folder));
  renameSync(refilledPath(folder), copyPath(folder));
  syncPath(folder);
}

/** The keys go: an erasure on the cluster would not reach them here. */
function putAside(folder: string): void {
  if (existsSync(sourcePath(folder))) {
    foldBack(sourcePath(folder));
    renameSync(sourcePath(folder), movedLogPath(folder));
  }
  removeDatabase(vaultPath(folder));
  syncPath(folder);
}

/** @param copy the file into which what the cluster holds is copied. @returns how many events the cluster lacked. */
async function sendLog(options: Placed, prefix: string, source: Log, copy: string): Promise<number> {
  const { keysFolder, connections, inFlightMax } = options;
  const connectionString = requireConnections(connections).events;
  const sender = await openOrderedAppends({ connectionString, prefix, ...(inFlightMax === undefined ? {} : { inFlightMax }) });
  const store = await openCopy({ connectionString, prefix, copyPath: copy });
  try {
    await levelWithCluster(store, options.patienceMs);
    // A copy made anew has the text of those who were erased since the cluster was given it.
    const erased = openTombstones(keysFolder)
      .all()
      .map(({ subject }) => subject);
    if (erased.length > 0 && store.log.head() > 0) await store.overwriteCiphertext(erased, blanking(erased));
    const lacked = source.head() - store.log.head();
    await sendRounds(options, { prefix, source, store, sender });
    return lacked;
  } finally {
    await Promise.all([store.close(), sender.dispose()]);
  }
}

/** The folder is no node yet, so a copy of what lies under another prefix was left by an attempt that was given up. */
async function openCopy(options: Parameters<typeof openClusterEventStore>[0]): Promise<ClusterEventStore> {
  try {
    return await openClusterEventStore(options);
  } catch (error) {
    if (!(error instanceof CopyBrokenError)) throw error;
    removeDatabase(options.copyPath);
    return openClusterEventStore(options);
  }
}

/** Until the copy holds all that the cluster holds. @throws MoveError where it takes longer than `patienceMs` without an end. */
export async function levelWithCluster(store: ClusterEventStore, patienceMs = patienceMsUsual): Promise<void> {
  const ended = new AbortController();
  const outOfPatience = async (): Promise<never> => {
    for (let [position, since] = [-1, performance.now()]; ; await delay(patienceMs / 20, undefined, { signal: ended.signal })) {
      const now = performance.now();
      if (store.status().position > position) [position, since] = [store.status().position, now];
      else if (now - since > patienceMs)
        throw new MoveError(`the cluster has given nothing for ${patienceMs / 1000} s and not all it holds: ${whyOf(store)}`);
    }
  };
  await Promise.race([store.caughtUp(), outOfPatience()]).finally(() => ended.abort());
}

const whyOf = (store: ClusterEventStore): string => store.status().failure ?? store.status().state;

type Sending = { prefix: string; source: Log; store: ClusterEventStore; sender: OrderedAppends };

/** Sends what the cluster lacks, looks at what it holds then, and begins again, until it holds all. */
async function sendRounds({ onProgress, patienceMs = patienceMsUsual }: Placed, sending: Sending): Promise<void> {
  const { source } = sending;
  const head = source.head();
  let progressAt = performance.now();
  let failure: Error | undefined;
  for (let agreed = 0; ;) {
    const known = await agreedUpTo(sending, agreed);
    if (known > agreed) progressAt = performance.now();
    agreed = known;
    if (agreed === head) return;
    if (performance.now() - progressAt > patienceMs)
      throw new MoveError(`the cluster has taken nothing for ${patienceMs / 1000} s; run it again to go on`, { cause: failure });
    if (failure !== undefined) await delay(retryMs);
    failure = await round(sending, agreed, Math.min(agreed + roundCount, head), (position) =>
      onProgress("sending the log", position / head),
    );
  }
}

/** @returns what ended it before its end; what was sent by then may be stored or not. */
async function round(
  { source, store, sender }: Sending,
  afterPosition: number,
  upTo: number,
  onPosition: (position: number) => void,
): Promise<Error | undefined> {
  let last = "";
  const appends = function* () {
    for (const append of appendsOf(source, afterPosition, upTo)) {
      onPosition(append.position);
      last = append.stream;
      yield append;
    }
  };
  const failed = await sender.send(appends());
  try {
    for (const stream of failed?.streams ?? [last]) await store.catchUp(stream);
  } catch (error) {
    return failed?.cause ?? (error as Error);
  }
  return failed?.cause;
}

/**
 * How far the cluster holds this log and nothing else. What is sent once more below its head is stored once.
 * @param afterPosition it is known to up to here.
 */
async function agreedUpTo({ prefix, source, store }: Sending, afterPosition: number): Promise<number> {
  const { state, failure } = store.status();
  if (state === "stopped") throw new MoveError(`the cluster can't be copied: ${failure}`);
  const upTo = store.log.head();
  const differs = await firstDifference(source, store.log, { afterPosition, upTo });
  if (differs === undefined) return upTo;
  throw new MoveError(
    `under ${prefix} the cluster holds something else than this ledger from position ${differs} on: another ledger, or this one in ` +
      "another order, as an election in the midst of moving may leave it. Nothing is lost: move it under another --prefix",
  );
}

/** All of it once more, from the files as they lie there. */
async function readBack(path: string, source: Log, root: string, onProgress: Placed["onProgress"]): Promise<void> {
  const copy = openSqliteLog(path);
  try {
    const upTo = source.head();
    const reading = (position: number) => onProgress("reading it back", position / upTo);
    const differs = await firstDifference(source, copy, { afterPosition: 0, upTo }, reading);
    const roots = await rootsOf(copy, [upTo], (done, total) => onProgress("hashing what was read back", done / total));
    if (differs !== undefined || copy.head() !== upTo || roots.get(upTo) !== root)
      throw new MoveError(`what the cluster gave back differs from position ${differs ?? upTo + 1} on; run it again`);
  } finally {
    copy.close();
  }
}
