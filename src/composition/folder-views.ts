/** The derived rows of a folder that nobody serves, views and past: built anew, and compared with what a rebuild gives. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import type { Log } from "../event-store/log.ts";
import { lockFolder } from "../event-store/folder-lock.ts";
import { openSqliteLog } from "../event-store/sqlite/sqlite-log.ts";
import { areTrusted, openViewsForReading, removeOthers, viewsPath } from "../projections/database.ts";
import { digestOf, viewsDigest } from "../projections/dump.ts";
import { buildHistory, dumpHistory, historyPath } from "../projections/history/history-file.ts";
import { rebuildViews, type RebuildProgress } from "../projections/rebuild.ts";
import { projections } from "../projections/registry.ts";
import { type Views, viewsOf } from "../projections/views.ts";
import { ledgerPath, NoLedgerError } from "./ledger-folder.ts";

/** What is derived from the log, in a file of its own. */
type Derived = {
  path(folder: string): string;
  build(
    folder: string,
    log: Log,
    onProgress: (progress: RebuildProgress) => Promise<void>,
  ): Promise<{ path: string; position: number }>;
  digest(views: Views): string;
};

export const derivedViews: Derived = {
  path: (folder) => viewsPath(folder, projections),
  build: (folder, log, onProgress) => rebuildViews(folder, log, projections, onProgress),
  digest: (views) => viewsDigest(views, projections),
};

/** Made when somebody first asks for the past, or some time after a server has started. */
export const derivedPast: Derived = {
  path: historyPath,
  build: buildHistory,
  digest: (views) => digestOf(dumpHistory(views)),
};

export type OnProgress = (progress: RebuildProgress) => void;
type Digest = { position: number; digest: string };

/** @property expected what a rebuild up to that position gives. */
export type Compared = Digest & { expected: string };

export type RebuiltFile = {
  position: number;
  /** Only where it was asked for. `before` is null where there was nothing to compare. */
  verified?: { after: string; before: Compared | null };
};

/** @property past null where there was none: nobody has asked for it yet. */
export type Rebuilt = { views: RebuiltFile; past: RebuiltFile | null };

/**
 * Builds all derived rows anew beside the old ones and swaps them in. Nobody else may work on the folder.
 * @throws NoLedgerError, FolderInUseError, StoreUnavailableError.
 */
export async function rebuildFolder(
  folder: string,
  { verify = false, onProgress }: { verify?: boolean; onProgress: OnProgress },
): Promise<Rebuilt> {
  const path = requireLedger(folder);
  const lock = lockFolder(resolve(folder));
  try {
    const log = openSqliteLog(path);
    const rebuilt = (derived: Derived) => rebuildFrom(log, folder, derived, verify, onProgress);
    try {
      const hasPast = existsSync(historyPath(folder));
      return { views: await rebuilt(derivedViews), past: hasPast ? await rebuilt(derivedPast) : null };
    } finally {
      log.close();
    }
  } finally {
    lock.release();
  }
}

async function rebuildFrom(
  log: Log,
  folder: string,
  derived: Derived,
  verify: boolean,
  onProgress: OnProgress,
): Promise<RebuiltFile> {
  const old = verify ? digestInPlace(folder, derived, log) : null;
  // Rows that lag behind the log are compared where they stand, which takes a rebuild of its own.
  const expected = old !== null && old.position < log.head() ? await digestAt(log, derived, old.position, onProgress) : undefined;
  const { path, position } = await derived.build(folder, log, yielding(onProgress));
  removeOthers(path);
  if (!verify) return { position };
  const after = digestIn(path, derived).digest;
  return { position, verified: { after, before: old === null ? null : { ...old, expected: expected ?? after } } };
}

export function requireLedger(folder: string): string {
  const path = ledgerPath(folder);
  if (!existsSync(path)) throw new NoLedgerError(resolve(folder));
  return path;
}

/** @returns null for no rows, for those of another history, and for those that the next start builds anew after a fall of the machine. */
function digestInPlace(folder: string, derived: Derived, log: Log): Digest | null {
  const path = derived.path(folder);
  if (!areTrusted(path)) return null;
  const digest = digestIn(path, derived);
  return digest.position <= log.head() ? digest : null;
}

function digestIn(path: string, derived: Derived): Digest {
  const database = openViewsForReading(path);
  const views = viewsOf(database);
  try {
    return views.snapshot(() => ({ position: views.position(), digest: derived.digest(views) }));
  } finally {
    database.close();
  }
}

/**
 * Derived rows as they are and as a rebuild up to the same position gives them. Changes nothing, and may run beside a server.
 * @returns null where there are none yet.
 */
export async function compareDerived(
  derived: Derived,
  folder: string,
  log: Log,
  onProgress: OnProgress,
): Promise<Compared | null> {
  const inPlace = digestInPlace(folder, derived, log);
  return inPlace === null ? null : { ...inPlace, expected: await digestAt(log, derived, inPlace.position, onProgress) };
}

/** What a rebuild up to a position gives, made in a folder of its own. */
async function digestAt(log: Log, derived: Derived, position: number, onProgress: OnProgress): Promise<string> {
  const scratch = mkdtempSync(join(tmpdir(), "troth-check-"));
  try {
    const built = await derived.build(scratch, upTo(log, position), yielding(onProgress));
    return digestIn(built.path, derived).digest;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** The log as it was at a position. */
const upTo = (log: Log, head: number): Log => ({
  ...log,
  head: () => head,
  readAll: (afterPosition, maxCount) => log.readAll(afterPosition, Math.max(0, Math.min(maxCount, head - afterPosition))),
});

const yielding = (onProgress: OnProgress) => async (progress: RebuildProgress) => {
  onProgress(progress);
  await turn();
};
