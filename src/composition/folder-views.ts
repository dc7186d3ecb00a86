/** The views of a folder that nobody serves: built anew, and compared with what a rebuild gives. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Log } from "../event-store/log.ts";
import { lockFolder } from "../event-store/folder-lock.ts";
import { openSqliteLog } from "../event-store/sqlite/sqlite-log.ts";
import { areTrusted, openViewsForReading, removeOthers, viewsPath } from "../projections/database.ts";
import { viewsDigest } from "../projections/dump.ts";
import { rebuildViews, type RebuildProgress } from "../projections/rebuild.ts";
import { projections } from "../projections/registry.ts";
import { viewsOf } from "../projections/views.ts";
import { ledgerPath, NoLedgerError } from "./ledger-folder.ts";

export type OnProgress = (progress: RebuildProgress) => void;
type Digest = { position: number; digest: string };

export type Rebuilt = {
  position: number;
  /** Only where it was asked for. */
  verified?: {
    after: string;
    /** The old views, and what a rebuild up to their position gives; null where there were none to compare. */
    before: (Digest & { expected: string }) | null;
  };
};

/**
 * Builds all views anew beside the old ones and swaps them in. Nobody else may work on the folder.
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
    try {
      return await rebuildFrom(log, folder, verify, onProgress);
    } finally {
      log.close();
    }
  } finally {
    lock.release();
  }
}

async function rebuildFrom(log: Log, folder: string, verify: boolean, onProgress: OnProgress): Promise<Rebuilt> {
  const old = verify ? digestInPlace(folder, log) : null;
  // Views that lag behind the log are compared where they stand, which takes a rebuild of its own.
  const expected = old !== null && old.position < log.head() ? await digestAt(log, old.position, onProgress) : undefined;
  const { path, position } = await rebuildViews(folder, log, projections, yielding(onProgress));
  removeOthers(path);
  if (!verify) return { position };
  const after = digestIn(path).digest;
  return { position, verified: { after, before: old === null ? null : { ...old, expected: expected ?? after } } };
}

export function requireLedger(folder: string): string {
  const path = ledgerPath(folder);
  if (!existsSync(path)) throw new NoLedgerError(resolve(folder));
  return path;
}

/** @returns null for no views, for those of another history, and for those that the next start builds anew after a fall of the machine. */
function digestInPlace(folder: string, log: Log): Digest | null {
  const path = viewsPath(folder, projections);
  if (!areTrusted(path)) return null;
  const digest = digestIn(path);
  return digest.position <= log.head() ? digest : null;
}

function digestIn(path: string): Digest {
  const database = openViewsForReading(path);
  const views = viewsOf(database);
  try {
    return views.snapshot(() => ({ position: views.position(), digest: viewsDigest(views, projections) }));
  } finally {
    database.close();
  }
}

/**
 * The views as they are and as a rebuild up to the same position gives them. Changes nothing, and may run beside a server.
 * @returns null where there are no views yet.
 */
export async function compareViews(
  folder: string,
  log: Log,
  onProgress: OnProgress,
): Promise<(Digest & { expected: string }) | null> {
  const inPlace = digestInPlace(folder, log);
  return inPlace === null ? null : { ...inPlace, expected: await digestAt(log, inPlace.position, onProgress) };
}

/** What a rebuild up to a position gives, made in a folder of its own. */
async function digestAt(log: Log, position: number, onProgress: OnProgress): Promise<string> {
  const scratch = mkdtempSync(join(tmpdir(), "troth-check-"));
  try {
    const built = await rebuildViews(scratch, upTo(log, position), projections, yielding(onProgress));
    return digestIn(built.path).digest;
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
  await new Promise<void>((done) => void setImmediate(done));
};
