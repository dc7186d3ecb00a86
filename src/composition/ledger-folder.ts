/**
 * A ledger in its data folder. Embedded, `ledger.db` is the truth and `vault.db` holds the keys of data subjects; a node of a cluster
 * has a copy of the log instead. The views are derived; beside the folder lies the keys folder, so that a copy of the data alone opens
 * nobody's text.
 */
import { existsSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { issueKeyFor } from "../commands/administration.ts";
import type { Desk } from "../commands/command.ts";
import type { KeyScope } from "../domain/key.ts";
import type { Recorded } from "../domain/decider.ts";
import { erasuresOf, type LedgerEvent, ledgerRecord } from "../domain/ledger-record.ts";
import type { Instant, Slug, SubjectId } from "../domain/values.ts";
import { type FolderLock, lockFolder } from "../event-store/folder-lock.ts";
import type { StoredEvent } from "../event-store/event-store.ts";
import type { LocalEventStore } from "../event-store/log.ts";
import { openSqliteLog } from "../event-store/sqlite/sqlite-log.ts";
import { Keeper } from "../keeper/keeper.ts";
import { derivedId } from "../ledger/ids.ts";
import { decodeAll } from "../ledger/envelope.ts";
import { Erasures } from "../ledger/erasures.ts";
import { Ledger } from "../ledger/ledger.ts";
import { type Clock, LogClock } from "../ledger/log-clock.ts";
import { LogTimes } from "../ledger/log-times.ts";
import { beginExport, type Exporter } from "../exporting/export.ts";
import { viewsPath } from "../projections/database.ts";
import { historyPath } from "../projections/history/history-file.ts";
import { projections } from "../projections/registry.ts";
import type { ViewsHost } from "../projections/reader.ts";
import { viewsAt } from "../projections/vantage.ts";
import type { ReadingDesk } from "../queries/query.ts";
import { rootsOf } from "../transparency/roots.ts";
import { openTombstones } from "../vault/tombstones.ts";
import type { Vault } from "../vault/vault.ts";
import { type ClusterConnections, copyPath, isNode, joinCluster, leaveCluster, requireConnections } from "./cluster-node.ts";
import { type Closers, embedded, type Foundation, onCluster } from "./foundation.ts";
import { Hearing } from "./hearing.ts";
import { declareLogKey } from "./log-key.ts";
import { type StartedAuditLog, threadedAuditLog } from "./threaded-audit-log.ts";
import { type StartedCensus, threadedCensus } from "./threaded-census.ts";
import { type StartedHistory, threadedHistory } from "./threaded-history.ts";
import { threadedHost } from "./threaded-host.ts";
import { type StartedWhatIfs, threadedWhatIfs } from "./threaded-what-if.ts";

export type FolderOptions = {
  folder: string;
  /** Beside the data folder by default, never in it: a backup of the data must not hold the keys. */
  keysFolder?: string;
  clock?: Clock;
  onBuilding?: (progress: { position: number; head: number }) => void;
  /** How to reach the cluster, for the folder of a node. */
  connections?: ClusterConnections;
  /** Something failed that is tried again. */
  onTrouble?: (error: unknown) => void;
};

export type OpenLedger = {
  folder: string;
  keysFolder: string;
  /** The file with the log: the truth itself, or the node's copy of it. */
  logPath: string;
  store: LocalEventStore;
  /** The same store, for a node of a cluster; absent where the ledger is embedded. */
  cluster: Foundation["cluster"];
  vault: Vault;
  desk: Desk;
  readingDesk: ReadingDesk;
  host: ViewsHost & { ready: Promise<unknown> };
  keeper: Keeper;
  /** To be finished before anything is read: see `Erasures.finish`. */
  erasures: Erasures;
  /** Not started: whoever serves the ledger does that. */
  auditLog: StartedAuditLog;
  /** Not started either. */
  census: StartedCensus;
  /** The past in stored rows; begins when it is first asked for, or some time after `start`. */
  history: StartedHistory;
  /** Questions under other policies. */
  whatIfs: StartedWhatIfs;
  close(): Promise<void>;
};

/** There is no ledger in the folder. */
export class NoLedgerError extends Error {
  constructor(folder: string) {
    super(`there is no ledger in ${folder}; \`troth init --data ${folder}\` makes one`);
    this.name = "NoLedgerError";
  }
}

/** The file with the log of a folder: the truth itself, or a node's copy of it. */
export const ledgerPath = (folder: string): string => (isNode(folder) ? copyPath(folder) : join(folder, "ledger.db"));
export const treePath = (folder: string): string => join(folder, "tree.db");
export const censusPath = (folder: string): string => join(folder, "census.db");
export const keysFolderOf = ({ folder, keysFolder }: Pick<FolderOptions, "folder" | "keysFolder">): string =>
  resolve(keysFolder ?? `${resolve(folder)}.keys`);

/**
 * Opens the ledger of a folder and keeps every other process off it.
 * @throws NoLedgerError, FolderInUseError, StoreUnavailableError for a damaged log, Error for keys that do not fit.
 */
export async function openLedger(options: FolderOptions): Promise<OpenLedger> {
  const folder = resolve(options.folder);
  // The copy of a node comes from the cluster, also when it is not there yet.
  if (!existsSync(ledgerPath(folder)) && !isNode(folder)) throw new NoLedgerError(folder);
  return open({ ...options, folder }, lockFolder(folder), false);
}

/**
 * Makes a node of a cluster in a new or empty folder: of the ledger that lies there under the prefix, or of a new one.
 *
 * @returns with the secret of an admin key, shown once, where the ledger is new.
 * @throws ClusterSettingsError; Error for keys that are missing or do not fit, or for a ledger of another name.
 */
export async function initNode(
  options: FolderOptions & { name: string; prefix: string; adminScopes: readonly KeyScope[] },
): Promise<{ ledger: OpenLedger; secret?: string }> {
  const folder = resolve(options.folder);
  if (isNode(folder) || holdsLedger(folder)) throw new Error(`there is a ledger in ${folder} already`);
  requireConnections(options.connections ?? {});
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  joinCluster(folder, options.prefix);
  try {
    return await beginNode(await open({ ...options, folder }, lockFolder(folder), true), options);
  } catch (error) {
    leaveCluster(folder);
    throw error;
  }
}

async function beginNode(
  ledger: OpenLedger,
  options: { name: string; prefix: string; adminScopes: readonly KeyScope[] },
): Promise<{ ledger: OpenLedger; secret?: string }> {
  try {
    const isNew = ledger.store.log.head() === 0;
    const begun = isNew ? { ledger, secret: await begin(ledger, options) } : { ledger };
    await declareLogKey(ledger, isNew);
    return begun;
  } catch (error) {
    await ledger.close();
    throw error;
  }
}

/** Makes a ledger in a new or empty folder, with an admin key whose secret is shown once. */
export async function initLedger(
  options: FolderOptions & { name: string; adminScopes: readonly KeyScope[] },
): Promise<{ ledger: OpenLedger; secret: string }> {
  const folder = resolve(options.folder);
  if (holdsLedger(folder)) throw new Error(`there is a ledger in ${folder} already`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const ledger = await open({ ...options, folder }, lockFolder(folder), true);
  try {
    return { ledger, secret: await begin(ledger, options) };
  } catch (error) {
    await ledger.close();
    throw error;
  }
}

/** The first two events of every ledger. @returns the secret of the admin key. */
async function begin(
  { desk }: OpenLedger,
  { name, adminScopes }: { name: string; adminScopes: readonly KeyScope[] },
): Promise<string> {
  const system = { kind: "system", id: "init" } as const;
  await desk.ledger.handle(
    ledgerRecord,
    "ledger",
    { type: "OpenLedger", ledger: name as Slug, at: desk.ledger.now() },
    { actor: system, correlation: derivedId("req", "init", name) },
  );
  const { secret } = await issueKeyFor(desk, { label: "admin" as Slug, scopes: [...adminScopes] }, system);
  return secret;
}

const beginningCount = 2;

/** False also for a ledger whose making was cut short: nobody was ever given a key to it. True for one that can't be read. */
export function holdsLedger(folder: string): boolean {
  if (!existsSync(ledgerPath(folder))) return false;
  try {
    const log = openSqliteLog(ledgerPath(folder));
    const count = log.head();
    log.close();
    return count >= beginningCount;
  } catch {
    return true;
  }
}

async function open(options: FolderOptions, lock: FolderLock, mayBegin: boolean): Promise<OpenLedger> {
  const { folder } = options;
  const keysFolder = keysFolderOf(options);
  const logPath = ledgerPath(folder);
  const closers: Closers = [() => lock.release()];
  try {
    const place = { folder, keysFolder, logPath, connections: options.connections, mayBegin };
    let hear = (_events: readonly StoredEvent[]): void => undefined;
    const { store, vault, cluster } = isNode(folder)
      ? await onCluster(place, (events) => hear(events), closers)
      : embedded(place, closers);
    const host = threadedHost({ folder, logPath }, options.onBuilding);
    closers.push(() => host.close());
    const auditLog = threadedAuditLog({ logPath, treePath: treePath(folder), keysFolder });
    closers.push(() => auditLog.close());
    const census = threadedCensus({ logPath, censusPath: censusPath(folder) });
    closers.push(() => census.close());
    const history = threadedHistory({ folder, logPath });
    closers.push(() => history.close());
    const clock = new LogClock(options.clock ?? Date.now, logTimeOf(store));
    const wake = (position: number) => host.wake(position);
    const ledger = new Ledger({
      ...{ store, log: store.log, vault, clock, onAppended: wake },
      sharesStore: cluster !== undefined,
    });
    const whatIfs = threadedWhatIfs({ folder, logPath, now: () => ledger.now() });
    closers.push(() => whatIfs.close());
    const erasures = new Erasures({ ledger, store, vault, tombstones: openTombstones(keysFolder) });
    if (cluster !== undefined) {
      const { onTrouble = () => undefined } = options;
      const hearing = new Hearing({ ledger, erasures, wake, erased: erasedIn(store), onTrouble });
      closers.push(() => hearing.close());
      // From the reading of log time up to here nothing waits, so nothing that was copied goes unheard.
      hear = (events) => hearing.hear(events);
    }
    const desk = { ledger, host, erasures, timeZoneData: process.versions["tz"] ?? "unknown", auditLog, census };
    const readingDesk: ReadingDesk = {
      get views() {
        return host.views;
      },
      log: store.log,
      times: new LogTimes(store.log),
      vault,
      now: () => ledger.readingTime(),
      past: (vantage) => viewsAt(store.log, vantage),
      rootAt: rootsOf(auditLog),
    };
    return {
      ...{ folder, keysFolder, logPath, store, cluster, vault, desk },
      readingDesk,
      host,
      keeper: new Keeper(ledger, host),
      erasures,
      auditLog,
      census,
      history,
      whatIfs,
      close: () => closeAll(closers),
    };
  } catch (error) {
    await closeAll(closers);
    throw error;
  }
}

/** Exports in this thread. @param pastWaitMs how long one of the past waits until its rows are there. */
export function exporterOf(
  { folder, store, readingDesk, history }: OpenLedger,
  { restPerWork, pastWaitMs }: { restPerWork: number; pastWaitMs: number },
): Exporter {
  const paths = { viewsPath: viewsPath(folder, projections), historyPath: historyPath(folder) };
  return async (request) => {
    if (request.vantage !== undefined && request.dataset !== "events") await history.caughtUp(request.vantage.size, pastWaitMs);
    return beginExport({ ...paths, log: store.log, now: readingDesk.now, restPerWork }, request);
  };
}

/** Log time goes on from where it had come to. */
export function logTimeOf({ log }: LocalEventStore): Instant | undefined {
  const head = log.head();
  return head === 0 ? undefined : new LogTimes(log).at(head);
}

function erasedIn({ log }: LocalEventStore): SubjectId[] {
  const events = decodeAll(log.readStream("ledger")) as unknown as Recorded<LedgerEvent>[];
  return [...erasuresOf(events.reduce(ledgerRecord.evolve, ledgerRecord.initialState))].map(({ subject }) => subject);
}

/** In the reverse order of opening, each whatever became of the others. */
async function closeAll(closers: Closers): Promise<void> {
  for (const close of closers.reverse()) await close();
}
