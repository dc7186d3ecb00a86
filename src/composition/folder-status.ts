/** What can be said of a folder by looking at it. Writes nothing, and may run beside a server. */
import { existsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { instantOf } from "../audit/anchor.ts";
import { parseNote } from "../audit/signed-note.ts";
import { ledgerRecord } from "../domain/ledger-record.ts";
import type { Recorded } from "../domain/decider.ts";
import type { LedgerEvent } from "../domain/ledger-record.ts";
import type { Log } from "../event-store/log.ts";
import { FolderInUseError, lockFolder } from "../event-store/folder-lock.ts";
import { openSqliteLog } from "../event-store/sqlite/sqlite-log.ts";
import { decode, decodeAll } from "../ledger/envelope.ts";
import { openViewsForReading, viewsPath } from "../projections/database.ts";
import { historyPath } from "../projections/history/history-file.ts";
import { projections } from "../projections/registry.ts";
import { viewsOf } from "../projections/views.ts";
import { headHistoryIn } from "../transparency/head-history.ts";
import { membershipOf } from "./cluster-node.ts";
import { requireLedger } from "./folder-views.ts";
import { vaultPath } from "./foundation.ts";
import { ledgerPath } from "./ledger-folder.ts";

export type FolderStatus = {
  folder: string;
  ledger: string | null;
  head: number;
  lastRecordedAt: string | null;
  views: { position: number; lag: number } | null;
  /** Rows of the past; null where nobody has asked for it yet. */
  past: { position: number; lag: number } | null;
  inUseBy: { pid: number | null } | null;
  /** Of which cluster's ledger it is a node; null where the folder itself holds the truth. */
  cluster: { prefix: string } | null;
  openLoads: { recording: string; source: string; startedAt: string }[];
  bytes: { ledger: number; vault: number; views: number; past: number };
  /** The head that was signed last, and the largest that any witness has cosigned, with when each did so first. */
  signed: { size: number } | null;
  anchored: { size: number; by: { witness: string; at: string | null }[] } | null;
  /** Only where it was asked for: it reads the whole log. */
  eventsByType?: Record<string, number>;
};

/** @throws NoLedgerError, StoreUnavailableError for a damaged log. */
export async function statusOfFolder(
  folder: string,
  { count, onProgress }: { count: boolean; onProgress(done: number, total: number): void },
): Promise<FolderStatus> {
  const log = openSqliteLog(requireLedger(folder));
  try {
    const head = log.head();
    const [last] = log.readAll(head - 1, 1);
    const [views, past] = [viewsPath(folder, projections), historyPath(folder)];
    const status: FolderStatus = {
      folder: resolve(folder),
      ...ledgerFacts(log),
      head,
      lastRecordedAt: last === undefined ? null : (decode(last)?.recordedAt ?? null),
      views: standingOf(views, head),
      past: standingOf(past, head),
      inUseBy: holderOf(folder),
      cluster: clusterOf(folder),
      ...headsIn(folder),
      bytes: {
        ledger: bytesOf(ledgerPath(folder)),
        vault: bytesOf(vaultPath(folder)),
        views: bytesOf(views),
        past: bytesOf(past),
      },
    };
    return count ? { ...status, eventsByType: await countByType(log, head, onProgress) } : status;
  } finally {
    log.close();
  }
}

function ledgerFacts(log: Log): Pick<FolderStatus, "ledger" | "openLoads"> {
  const events = decodeAll(log.readStream("ledger")) as unknown as Recorded<LedgerEvent>[];
  const { recordings } = events.reduce(ledgerRecord.evolve, ledgerRecord.initialState);
  const opened = events.find((event) => event.type === "LedgerOpened");
  return {
    ledger: opened?.data.ledger ?? null,
    openLoads: [...recordings.values()]
      .filter(({ completedAt }) => completedAt === undefined)
      .map(({ recording, source, startedAt }) => ({ recording, source, startedAt })),
  };
}

function clusterOf(folder: string): FolderStatus["cluster"] {
  const membership = membershipOf(resolve(folder));
  return membership === undefined ? null : { prefix: membership.prefix };
}

function headsIn(folder: string): Pick<FolderStatus, "signed" | "anchored"> {
  const history = headHistoryIn(ledgerPath(folder));
  const [signed, cosigned] = [history.newest(), history.cosigned()];
  const by = cosigned === undefined ? [] : cosignersOf(cosigned.note, cosigned.origin);
  return { signed: signed ? { size: signed.size } : null, anchored: cosigned ? { size: cosigned.size, by } : null };
}

/** What stands below a head beside the log's own signature. Nothing is verified: it is the log's own file. */
const cosignersOf = (note: string, origin: string) =>
  parseNote(note)
    .signatures.filter(({ name }) => name !== origin)
    .map(({ name, bytes }) => ({
      witness: name,
      at: instantOf(Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0))) ?? null,
    }));

function standingOf(path: string, head: number): FolderStatus["views"] {
  if (!existsSync(path)) return null;
  const database = openViewsForReading(path);
  try {
    const position = viewsOf(database).position();
    return { position, lag: Math.max(0, head - position) };
  } finally {
    database.close();
  }
}

/** Whether the folder is locked can only be told by locking it, for a moment. */
function holderOf(folder: string): FolderStatus["inUseBy"] {
  try {
    lockFolder(resolve(folder)).release();
    return null;
  } catch (error) {
    if (error instanceof FolderInUseError) return { pid: error.pid ?? null };
    throw error;
  }
}

const bytesOf = (path: string): number =>
  ["", "-wal"].reduce((sum, suffix) => sum + (statSync(`${path}${suffix}`, { throwIfNoEntry: false })?.size ?? 0), 0);

const pageCount = 2_000;

async function countByType(log: Log, head: number, onProgress: (done: number, total: number) => void) {
  const counts = new Map<string, number>();
  for (let position = 0; position < head;) {
    const page = log.readAll(position, Math.min(pageCount, head - position));
    if (page.length === 0) break;
    for (const { leaf } of page) {
      const { type } = JSON.parse(Buffer.from(leaf).toString()) as { type: string };
      counts.set(type, (counts.get(type) ?? 0) + 1);
    }
    position = page.at(-1)!.position;
    onProgress(position, head);
    await turn();
  }
  return Object.fromEntries([...counts].sort(([a, countA], [b, countB]) => countB - countA || (a < b ? -1 : 1)));
}
