/** Files of derived rows. Each is named after the fingerprint of what made it, so new ones are built beside the old and swapped in. */
import { randomUUID } from "node:crypto";
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Projection } from "./projection.ts";
import { fingerprint } from "./registry.ts";
import { createTables } from "./runner.ts";
import { viewsOf } from "./views.ts";

export const viewsPath = (folder: string, of: readonly Projection[]): string => join(folder, `views-${fingerprint(of)}.db`);

/** What SQLite takes by itself. */
const pageBytesUsual = 4_096;
const walBytesMax = 67_108_864;

/**
 * Opens views for writing, making them where there are none. Nothing here waits for the disk, so that views never hold up the
 * commits of the log: the process may be killed at any moment, but after a fall of the whole machine they are not to be trusted,
 * and are begun anew.
 */
export const openViews = (path: string, of: readonly Projection[]): DatabaseSync =>
  openForWriting(path, (database) => createTables(database, of, fingerprint(of)));

/** The same for any file of derived rows. @param make fills a new one. */
export function openForWriting(
  path: string,
  make: (database: DatabaseSync) => void,
  { pageBytes = pageBytesUsual, cacheKib = 65_536 } = {},
): DatabaseSync {
  if (!areTrusted(path)) remove(path);
  const isNew = !existsSync(path);
  const database = new DatabaseSync(path);
  // One reader or writer more in the same process; a moment is enough. Events of one batch touch pages all over a large file, and
  // most of them again in the next: copied back every 64 MB, each is copied once for many changes.
  database.exec(`PRAGMA page_size = ${pageBytes}; PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA busy_timeout = 5000;
    PRAGMA cache_size = -${cacheKib}; PRAGMA wal_autocheckpoint = ${walBytesMax / pageBytes}; PRAGMA journal_size_limit = ${walBytesMax}`);
  if (isNew) make(database);
  writeFileSync(`${path}.boot`, bootId());
  return database;
}

/** Whether a file of derived rows can be gone on with. Rows ahead of the log come from another history: a restored file. */
export function isUsable(path: string, head: number): boolean {
  if (!areTrusted(path)) return false;
  const database = openViewsForReading(path);
  try {
    return viewsOf(database).position() <= head;
  } finally {
    database.close();
  }
}

/** Whether these views were closed in order, or the machine has been up ever since they were opened. */
export function areTrusted(path: string): boolean {
  if (!existsSync(path)) return false;
  return !existsSync(`${path}.boot`) || readFileSync(`${path}.boot`, "utf8") === bootId();
}

/** Writes everything to the disk and says so. */
export function closeViews(database: DatabaseSync, path: string): void {
  database.exec(`PRAGMA wal_checkpoint(TRUNCATE)`);
  database.close();
  const file = openSync(path, "r+");
  fsyncSync(file);
  closeSync(file);
  rmSync(`${path}.boot`, { force: true });
}

/** Of this start of the machine. Where the system has no such thing, each call gives another: views that were not closed are then built anew. */
function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return randomUUID();
  }
}

export function openViewsForReading(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { readOnly: true });
  database.exec(`PRAGMA busy_timeout = 5000; PRAGMA cache_size = -32768`);
  return database;
}

/** A file to build in: nothing in it survives a crash, so nothing waits for the disk. */
export function openForBuilding(path: string, of: readonly Projection[]): DatabaseSync {
  const database = openToBuild(path);
  createTables(database, of, fingerprint(of), { withIndexes: false });
  return database;
}

export function openToBuild(path: string, pageBytes = pageBytesUsual): DatabaseSync {
  remove(path);
  const database = new DatabaseSync(path);
  database.exec(`PRAGMA page_size = ${pageBytes}`);
  database.exec(
    `PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -262144; PRAGMA locking_mode = EXCLUSIVE`,
  );
  return database;
}

/** Puts what was built, and closed, in its place. What was there of this fingerprint is gone at once. */
export function swapIn(built: string, path: string): void {
  const file = openSync(built, "r+");
  fsyncSync(file);
  closeSync(file);
  remove(path);
  renameSync(built, path);
}

export function remove(path: string): void {
  for (const suffix of ["", "-wal", "-shm", "-journal", ".boot"]) rmSync(`${path}${suffix}`, { force: true });
}

/** Files of the same kind and of other fingerprints are of no use to this release. */
export function removeOthers(path: string): void {
  const [folder, kind] = [dirname(path), basename(path).replace(/-.*/, "-")];
  for (const name of readdirSync(folder)) {
    if (name.startsWith(kind) && name.endsWith(".db") && join(folder, name) !== path) remove(join(folder, name));
  }
}
