/**
 * One Troth process to a data folder. The lock is SQLite's own lock on a file, so the operating system releases it
 * however the process ends; a file that merely exists would outlive a kill −9 and keep the next start out.
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

const lockFile = "troth.lock";
const pidFile = "troth.pid";
const sqliteBusy = 5;

/** Another process, or this one already, works on the folder. */
export class FolderInUseError extends Error {
  readonly folder: string;
  /** The holder's process id as it wrote it; undefined in the moment before it has, or where it could not. */
  readonly pid: number | undefined;
  constructor(folder: string, pid: number | undefined) {
    super(`the folder ${folder} is in use by ${pid === undefined ? "another process" : `process ${pid}`}`);
    this.name = "FolderInUseError";
    this.folder = folder;
    this.pid = pid;
  }
}

export type FolderLock = {
  /** Gives the folder back. Repeating it does nothing. */
  release(): void;
};

/** Keeps the connections reachable: a collected one would be closed, and its lock silently given up. */
const held = new Set<DatabaseSync>();

/**
 * Locks an existing folder for this process until `release` or its end.
 *
 * The files are `troth.lock`, whose lock counts, and `troth.pid`, which only names the holder. Nothing in the process may
 * open and close the lock file by other means: POSIX drops a process's locks with any descriptor of the file.
 *
 * @throws FolderInUseError at once, without waiting, when someone holds it.
 */
export function lockFolder(folder: string): FolderLock {
  const pidPath = join(folder, pidFile);
  const database = new DatabaseSync(join(folder, lockFile), { timeout: 0 });
  try {
    database.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if (!isBusy(error)) throw error;
    throw new FolderInUseError(folder, pidIn(pidPath));
  }
  held.add(database);
  writePid(pidPath);
  return {
    release: () => {
      if (!held.delete(database)) return;
      rmSync(pidPath, { force: true });
      database.close();
    },
  };
}

/** Best effort: a full disk must not keep a ledger from being read, and the lock holds without the number. */
function writePid(path: string): void {
  try {
    writeFileSync(path, `${process.pid}\n`);
  } catch {
    rmSync(path, { force: true });
  }
}

function pidIn(path: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(path, "utf8"), 10);
    return Number.isSafeInteger(pid) ? pid : undefined;
  } catch {
    return undefined;
  }
}

const isBusy = (error: unknown): boolean => ((error as { errcode?: number }).errcode ?? 0) % 256 === sqliteBusy;
