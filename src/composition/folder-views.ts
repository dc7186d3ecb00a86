/** The views of a folder that nobody serves: built anew, and compared with what a rebuild gives. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Log } from "../event-store/log.ts";
import { lockFolder } from "../event-store/folder-lock.ts";
import { openSqliteLog } from "../event-store/sqlite/sqlite-log.ts";
import { areTrusted, openViews, openViewsForReading, removeOthers, viewsPath } from "../projections/database.ts";
import { viewsDigest } from "../projections/dump.ts";
import { inlineHost } from "../projections/inline-host.ts";
import { rebuildViews, type RebuildProgress } from "../projections/rebuild.ts";
import { projections } from "../projections/registry.ts";
import { viewsOf } from "../projections/views.ts";
import { ledgerPath, NoLedgerError } from "./ledger-folder.ts";

export type OnProgress = (progress: RebuildProgress) => void;
type Digest = { position: number; digest: string };

export type Rebuilt = {
  position: number;
  /** Only where it was asked for; `before` is null where there were no views that could be compared. */
  before?: Digest | null;
  after?: Digest;
};

/**
 * Builds all views anew beside the old ones and swaps them in. Nobody else may work on the folder.
 * @throws NoLedgerError, FolderInUseError, StoreUnavailableError.
 */
export async function rebuildFolder(
  folder: string,
  { verify = false, onProgress }: { verify?: boolean; onProgress: OnProgress },
) {
  const path = requireLedger(folder);
  const lock = lockFolder(resolve(folder));
  try {
    const log = openSqliteLog(path);
    try {
      const before = verify ? await caughtUpDigest(folder, log) : undefined;
      const built = await rebuildViews(folder, log, projections, yielding(onProgress));
      removeOthers(folder, built.path);
      const rebuilt: Rebuilt = { position: built.position };
      return verify ? { ...rebuilt, before, after: digestIn(built.path) } : rebuilt;
    } finally {
      log.close();
    }
  } finally {
    lock.release();
  }
}

export function requireLedger(folder: string): string {
  const path = ledgerPath(folder);
  if (!existsSync(path)) throw new NoLedgerError(resolve(folder));
  return path;
}

/** The digest of the views in place once they have caught up, so that it must equal a rebuild's. */
async function caughtUpDigest(folder: string, log: Log): Promise<Digest | null> {
  const path = viewsPath(folder, projections);
  if (!areTrusted(path)) return null;
  const host = inlineHost(log, openViews(path, projections), projections);
  try {
    if (host.status().position > log.head()) return null;
    await host.caughtUp(log.head());
    return { position: host.status().position, digest: viewsDigest(host.views, projections) };
  } finally {
    await host.close();
  }
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
): Promise<{ position: number; inPlace: string; rebuilt: string } | null> {
  const path = viewsPath(folder, projections);
  // After a fall of the machine the next start builds them anew, so what they hold is of no concern.
  if (!areTrusted(path)) return null;
  const inPlace = digestIn(path);
  const scratch = mkdtempSync(join(tmpdir(), "troth-check-"));
  try {
    const built = await rebuildViews(scratch, upTo(log, inPlace.position), projections, yielding(onProgress));
    return { position: inPlace.position, inPlace: inPlace.digest, rebuilt: digestIn(built.path).digest };
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
